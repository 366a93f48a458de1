"""The IRs that ``omz_accuracy`` compares, made where there are none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.sample import Dataset, Entry
from omz.checksum import file_digest
from omz.cli.accuracy_labels import INT8, ORIGINAL, Stored, stored
from omz.cli.conversion_display import ConversionDisplay
from omz.convert.plan import Precision, plan_conversion
from omz.convert.store import stored_irs
from omz.images.arrays import Picture
from omz.zoo import ModelCard

if TYPE_CHECKING:
    from omz.convert.calibration import Calibration

_CALIBRATED_ON = 32  # frames


@dataclass(frozen=True)
class Places:
    """Where models are: what was downloaded, and the IRs, None where these are to be made; and how the IRs run.

    ``calibration`` is a folder of frames on which the ranges of an IR in 8 bits are measured; None: synthetic scenes.
    """

    download_dir: Path
    model_dir: Path | None
    device: str
    precision: str
    trust_code: bool = False
    calibration: Path | None = None


def find_irs(card: ModelCard, labels: Sequence[str], places: Places) -> Mapping[Stored, Path]:
    """Return where the IRs of the labels are, by precision of their weights; make those that are not there."""
    asked = {stored(label) for label in labels if label != ORIGINAL}
    made_of: set[Stored] = {"FP16"} if INT8 in asked else set()
    converted = [each for each in get_args(Precision) if each in asked | made_of]
    show = ConversionDisplay(err=True).show
    if places.model_dir:
        plan = plan_conversion(card, places.download_dir, places.model_dir)
        found: dict[Stored, Path] = {each: plan.ir_path(each) for each in converted}
    else:
        made = stored_irs(card, places.download_dir, converted, show, places.trust_code) if converted else {}
        found = {precision: made[precision] for precision in converted}
    if INT8 in asked:
        from omz.convert.int8_store import stored_int8

        calibration = _calibration(places.calibration) if places.calibration else None
        found[INT8] = stored_int8(card, places.download_dir, calibration, show, found["FP16"])
    return found


@dataclass(frozen=True)
class _Pictures:
    """Pictures and plates of a dataset, as calibration takes them."""

    dataset: Dataset
    entries: Sequence[Entry]

    def __iter__(self) -> Iterator[tuple[Picture, Picture | None]]:
        for entry in self.entries:
            sample = self.dataset.read(entry)
            yield sample.picture, sample.plate


def _calibration(folder: Path) -> Calibration:
    """Return frames from all over a dataset, for those of a clip are alike."""
    from omz.convert.calibration import Calibration

    dataset = open_dataset(folder.absolute())  # it is read by a process that works elsewhere
    count = min(_CALIBRATED_ON, len(dataset.entries))
    entries = [dataset.entries[number * len(dataset.entries) // count] for number in range(count)]
    files = [path for entry in entries for path in entry.files.values()]
    digest = hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()
    return Calibration(_Pictures(dataset, entries), f"{len(entries)} frames of {folder}", digest)
