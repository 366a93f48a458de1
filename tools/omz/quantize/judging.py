"""The verdict of the checker on a quantised IR."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from omz.accuracy.calibration import CalibrationSource, open_images
from omz.accuracy.conventions import OMZ
from omz.accuracy.datasets.compositing import fingerprint
from omz.accuracy.datasets.sample import Dataset, Entry, Remark, Role, Sample
from omz.accuracy.request import EvaluationObserver, EvaluationRequest
from omz.accuracy.run import run
from omz.accuracy.setup import EvaluationSetup, SyntheticScenes
from omz.accuracy.variants import VariantLoader
from omz.accuracy.verdict import Gate, Threshold
from omz.checksum import file_digest
from omz.errors import UsageError
from omz.images.files import read_picture
from omz.matting.resolution import roles_of
from omz.matting.roles import description_of
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.zoo.card import ModelCard
from omz.zoo.vocabulary import QuantisedPrecision, base_of

_FRAMES, _SIZE = 20, (480, 640)
_TRUTH: tuple[Role, ...] = ("alpha", "cutout", "foreground")


@dataclass(frozen=True)
class Judged:
    """A request to compare: whether the IR at ``quantised`` is as good as that at ``source``, of which it was made.

    ``calibration`` is where the images of its calibration came from, None for synthetic scenes. ``limits`` are by how
    much figures may rise.
    """

    card: ModelCard
    precision: QuantisedPrecision
    source: Path
    quantised: Path
    calibration: CalibrationSource | None
    limits: Sequence[Threshold]


@dataclass(frozen=True)
class Verdict:
    """The answer: gates, and the figures by variant and name, on ``frames``, so called for people."""

    frames: str
    figures: Mapping[str, Mapping[str, float]]
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether all gates hold."""
        return all(gate.passed for gate in self.gates)

    @property
    def excess(self) -> float:
        """By how much the gate is missed that is missed most, as a share of its limit; 0 if all hold."""
        return max((_excess(gate) for gate in self.gates), default=0.0)

    @property
    def line(self) -> str:
        """The gates that do not hold, else all on figures, in a line."""
        shown = [gate for gate in self.gates if not gate.passed] or [gate for gate in self.gates if gate.limit]
        return ", ".join(f"{gate.what} {gate.value:.4g}, allowed {gate.limit:.4g}" for gate in shown)

    def facts(self) -> dict[str, Any]:
        """Return it as JSON can hold it, which has no NaN and no infinity: None stands for a number that is neither."""
        gates = [{**asdict(gate), "value": _finite(gate.value), "limit": _finite(gate.limit)} for gate in self.gates]
        figures: dict[str, dict[str, float | None]] = {}
        for label, values in self.figures.items():
            figures[label] = {name: _finite(value) for name, value in values.items()}
        return {"frames": self.frames, "figures": figures, "gates": gates, "passed": self.passed}


def _excess(gate: Gate) -> float:
    if gate.passed:
        return 0.0
    return gate.value / gate.limit - 1 if gate.limit > 0 and math.isfinite(gate.value) else math.inf


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def judge(task: Judged) -> Verdict:
    """Score both IRs on the same frames, as ``omz_accuracy`` does.

    The frames are those of the dataset that calibration has not taken, if they have their truth, and otherwise
    synthetic scenes. Outputs need not be near those of the source: only figures count. Raises
    :class:`omz.errors.OmzError` if a model does not run, or no frame can be read.
    """
    base = base_of(task.precision)
    request = EvaluationRequest(name=task.card.name, models=f"{base},{task.precision}")
    irs: dict[str, Path] = {base: task.source, task.precision: task.quantised}
    loaded = VariantLoader(request, task.card, None, EvaluationObserver(), irs).load()
    variants = {label: replace(variant, is_converted=False) for label, variant in loaded.items()}
    dataset = frames_to_score(task.calibration)
    setup = EvaluationSetup(request, dataset.title, variants, dataset, OMZ, task.limits, task.card)
    evaluation = run(setup, EvaluationObserver())
    figures = {label: dict(summary.figures) for label, summary in evaluation.summaries.items()}
    frames = dataset.title
    if not isinstance(dataset, SyntheticScenes):  # which say how many they are
        frames = f"{len(evaluation.results)} frames of {frames}"
    return Verdict(frames, figures, tuple(evaluation.gates))


def check_truth(limits: Sequence[Threshold], calibration: CalibrationSource | None) -> None:
    """Raise :class:`UsageError` for a limit on a figure that the frames to score have no truth for."""
    dataset = frames_to_score(calibration)
    if isinstance(dataset, SyntheticScenes) or any("foreground" in entry.files for entry in dataset.entries):
        return
    for limit in _on_foregrounds(limits):
        raise UsageError(f"{limit.flag} {limit.figure}: {dataset.title} has no foregrounds; limit another figure")


def check_outputs(limits: Sequence[Threshold], card: ModelCard, source: Path) -> None:
    """Raise :class:`UsageError` for a limit on a figure of an output that the IR at ``source`` does not have."""
    for limit in _on_foregrounds(limits):
        if roles_of(OpenVINOEngine(source), description_of(card)).foreground is None:
            raise UsageError(f"{limit.flag} {limit.figure}: the model gives no foreground; limit another figure")


def _on_foregrounds(limits: Sequence[Threshold]) -> list[Threshold]:
    names = {measure.name for measure in OMZ.measures if measure.of_foreground}
    return [limit for limit in limits if limit.figure in names]


def frames_to_score(calibration: CalibrationSource | None) -> Dataset:
    """Return the frames that an IR with such a calibration, None for synthetic scenes, is scored on."""
    if calibration is not None and calibration.path.is_dir():
        dataset = open_images(calibration.path)
        if all(not entry.files.keys().isdisjoint(_TRUTH) for entry in dataset.entries):
            held_out = replace(dataset, entries=_held_out(calibration, dataset.entries))
            return _WithPlate(held_out, Path(calibration.plate)) if calibration.plate else held_out
    return SyntheticScenes(_FRAMES, _SIZE)


def frames_digest(calibration: CalibrationSource | None) -> str:
    """Return what changes with the frames that :func:`frames_to_score` returns, and with their truth."""
    dataset = frames_to_score(calibration)
    digest = hashlib.sha256(dataset.title.encode())
    for entry in dataset.entries:
        for role, path in sorted(entry.files.items()):
            digest.update(f"{entry.name} {role} {file_digest(path)}".encode())
    if isinstance(dataset, _WithPlate):
        digest.update(file_digest(dataset.plate).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _WithPlate:
    """Frames of ``dataset``; those without a plate of their own get the image at ``plate``."""

    dataset: Dataset
    plate: Path

    @property
    def title(self) -> str:
        """That of the dataset."""
        return self.dataset.title

    @property
    def entries(self) -> Sequence[Entry]:
        """Those of the dataset."""
        return self.dataset.entries

    @property
    def remarks(self) -> Sequence[Remark]:
        """Those of the dataset."""
        return self.dataset.remarks

    def read(self, entry: Entry) -> Sample:
        """Read a frame, and the plate; raises :class:`omz.errors.DataError` as the dataset does."""
        sample = self.dataset.read(entry)
        if sample.plate is not None:
            return sample
        plate = read_picture(self.plate)
        return replace(sample, plate=plate, sha256=f"{sample.sha256} {fingerprint(plate)}")


def _held_out(calibration: CalibrationSource, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return frames that calibration has not taken; where it has taken all, some of these."""
    taken = {entry.name for entry in calibration.chosen(entries)}
    left = [entry for entry in entries if entry.name not in taken]
    return replace(calibration, count=_FRAMES).chosen(left or entries)
