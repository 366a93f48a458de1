"""Plans of quantisations, made before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omz.accuracy.calibration import FIRST, USUAL_COUNT, CalibrationSource
from omz.accuracy.verdict import Threshold
from omz.convert.calibration import Calibration, synthetic_calibration
from omz.zoo.card import ModelCard
from omz.zoo.vocabulary import QuantisedPrecision, TargetDevice, base_of

USUAL_DROP = Threshold("MAD", 0.05, relative=True, flag="--max_drop")
"""The gate, unless another one is asked for: the mean absolute difference from the truth may rise by 5 %."""


@dataclass(frozen=True)
class QuantisationSettings:
    """Choices that are the same for all models.

    ``dataset`` is a folder, a video or an image to calibrate on, None for synthetic scenes; ``count`` is the number of
    images of it, chosen by ``seed``, and ``plate`` that of images without one, or ``first``. ``limits`` are by how
    much figures may exceed those of the IR that is quantised. With ``force``, an IR beyond them is written all the
    same.
    """

    dataset: Path | None = None
    count: int = USUAL_COUNT
    seed: int = 0
    plate: str = ""
    limits: tuple[Threshold, ...] = (USUAL_DROP,)
    target_device: TargetDevice = "ANY"
    force: bool = False

    @property
    def source(self) -> CalibrationSource | None:
        """Where the images come from; None for synthetic scenes."""
        if self.dataset is None:
            return None
        plate = self.plate
        if plate and plate != FIRST:
            plate = str(Path(plate).absolute())  # it is read in other processes, too
        return CalibrationSource(self.dataset.absolute(), self.count, self.seed, plate)

    def calibration(self) -> Calibration:
        """Return the images to calibrate on; raises :class:`omz.errors.OmzError` where there are none."""
        source = self.source
        if source is None:
            return synthetic_calibration(self.count, seed=self.seed)
        return source.open()


@dataclass(frozen=True)
class QuantisationPlan:
    """The quantisation of one IR of a card.

    ``downloads`` is the folder below which the model's files are. ``model_dir`` is that below which its IRs are, None
    for those in the user's cache folder, which are made if they are missing; ``output_dir`` that of the result.
    """

    card: ModelCard
    precision: QuantisedPrecision
    downloads: Path
    model_dir: Path | None
    output_dir: Path
    settings: QuantisationSettings = QuantisationSettings()

    @property
    def source(self) -> Path | None:
        """The ``.xml`` that is quantised; None for the one in the user's cache folder."""
        folder = self.downloads if self.card.framework == "dldt" else None
        folder = self.model_dir or folder
        if folder is None:
            return None
        return folder / self.card.subdirectory / base_of(self.precision) / f"{self.card.name}.xml"

    @property
    def target(self) -> Path:
        """The ``.xml`` of the result."""
        return self.output_dir / self.card.subdirectory / self.precision / f"{self.card.name}.xml"
