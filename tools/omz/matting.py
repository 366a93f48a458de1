"""From what people call a model to one that mattes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omz.convert.store import cache_folder, stored_ir
from omz.errors import EngineError
from omz.events import Report
from omz.images.arrays import Picture
from omz.images.files import read_picture
from omz.images.foreground import estimate_foreground
from omz.runtime import matter
from omz.runtime.openvino_engine import LATENCY, OpenVINOEngine, Tuning
from omz.zoo import Catalog

if TYPE_CHECKING:
    from omz.runtime.quiet_openvino import ov


@dataclass(frozen=True)
class ModelChoice:
    """A model: the path of an IR (.xml), or a name of the zoo, to which the cards below ``models_dir`` come first.

    ``download_dir`` is where the files of one that is to be converted were downloaded to.
    """

    model: str
    models_dir: tuple[Path, ...] = ()
    download_dir: Path = Path(".")

    @property
    def is_file(self) -> bool:
        """Whether it is an IR, of which no card tells anything."""
        return self.model.endswith(".xml")

    def takes_plate(self) -> bool | None:
        """Return what the card says of the plate, before anything is loaded; None where it tells nothing of it.

        Raises :class:`omz.errors.CardError`.
        """
        inputs = () if self.is_file else Catalog(*self.models_dir)[self.model].input_info
        return any(info.name == matter.PLATE for info in inputs) if inputs else None

    def ir(self, report: Report = lambda event: None) -> Path:
        """Return the IR; one of the zoo is converted when it is first asked for. Raises :class:`OmzError`."""
        if not self.is_file:
            return stored_ir(Catalog(*self.models_dir)[self.model], self.download_dir, report=report)
        path = Path(self.model)
        if not path.exists():
            raise EngineError(f"no model at {path}; convert one with omz_converter")
        return path


@dataclass(frozen=True)
class OpenedModel:
    """A model that is ready to run; ``milliseconds`` is how long that took, ``warnings`` have a line each."""

    engine: OpenVINOEngine
    milliseconds: float
    warnings: tuple[str, ...]

    @property
    def stretches(self) -> bool:
        """Whether the network sees pictures stretched to its size."""
        return self.engine.resize_type == matter.STRETCHED


def open_model(
    path: Path,
    device: str = "CPU",
    precision: str = "auto",
    tuning: Tuning = LATENCY,
    adapt: Callable[[ov.Model], ov.Model] = lambda model: model,
) -> OpenedModel:
    """Compile an IR for a device, in a precision as :class:`OpenVINOEngine` takes it.

    Compiled models are kept in the user's cache folder, where it can be written. Raises :class:`EngineError`.
    """
    started = time.perf_counter()
    compiled, warnings = cache_folder() / "compiled", []
    try:
        compiled.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        warnings.append(f"compiled models are not kept, for {compiled} cannot be made: {error.strerror or error}")
    kept_in = compiled if compiled.is_dir() and os.access(compiled, os.W_OK) else None
    engine = OpenVINOEngine(path, device, precision, kept_in, tuning=tuning, adapt=adapt)
    if not engine.facts:
        warnings.append(f"{path.name} does not say what it takes; it is given BGR, 0 to 255 (omz_converter makes such)")
    return OpenedModel(engine, 1e3 * (time.perf_counter() - started), tuple(warnings))


class Matter:
    """Takes the subject out of pictures: ``Matter("background-matting-starter")(picture, plate)``.

    ``model`` is a name of the zoo, converted when it is first asked for, or the path of an IR. ``device`` and
    ``precision`` are those of ``omz_demo``, ``auto`` being what the converter saw to do no harm. Raises
    :class:`omz.errors.OmzError`.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "background-matting-starter",
        device: str = "CPU",
        precision: str = "auto",
        models_dir: Sequence[Path] = (),
        download_dir: Path = Path("."),
    ) -> None:
        path = ModelChoice(os.fspath(model), tuple(models_dir), download_dir).ir()
        opened = open_model(path, device, precision)
        self.warnings = opened.warnings
        self._matter = matter.Matter(opened.engine, stretch=opened.stretches)

    @property
    def takes_plate(self) -> bool:
        """Whether the model needs the plate: the same scene without the subject."""
        return self._matter.takes_plate

    def __call__(
        self, picture: Picture | str | os.PathLike[str], plate: Picture | str | os.PathLike[str] | None = None
    ) -> matter.Matte:
        """Matte a picture, against the plate where the model takes one: (H, W, 3) uint8 BGR of one size, or files.

        The foreground is estimated where the network gives none. Raises :class:`omz.errors.ImageError`.
        """
        shot = _pixels(picture)
        matte = self._matter(shot, None if plate is None else _pixels(plate))
        if matte.foreground is not None:
            return matte
        return matter.Matte(matte.alpha, estimate_foreground(shot, matte.alpha), matte.trimap)


def _pixels(picture: Picture | str | os.PathLike[str]) -> Picture:
    return read_picture(Path(picture)) if isinstance(picture, (str, os.PathLike)) else picture
