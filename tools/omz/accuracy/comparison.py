"""Models side by side on the same frames: each frame is read once, and shown to all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from omz.accuracy.agreement import Agreement, agreements
from omz.accuracy.conventions import Convention, Frame
from omz.accuracy.datasets.sample import Dataset, Entry, Sample
from omz.errors import DataError
from omz.runtime.engine import Tensor
from omz.runtime.matter import Matte, Matter

Pair = tuple[str, str]
"""The labels of two models whose outputs are compared: the one it is judged by, and the one that is judged."""


@dataclass(frozen=True)
class ModelFrame:
    """What one model did on one frame.

    ``figures`` are by name, in the units of the convention; empty where there is no truth. ``lowest`` and ``highest``
    are those of alpha as the network gives it. ``problem`` says why there are no figures, empty where there is none.
    """

    figures: dict[str, float]
    milliseconds: float
    lowest: float
    highest: float
    problem: str = ""


@dataclass(frozen=True)
class FrameResult:
    """One frame: what each model did, and how far their outputs are apart, by output.

    ``problem`` says why it could not be read, empty where it could.
    """

    name: str
    clip: str
    index: int
    models: dict[str, ModelFrame] = field(default_factory=dict)
    agreements: dict[Pair, dict[str, Agreement]] = field(default_factory=dict)
    problem: str = ""


def compare(
    models: Mapping[str, Matter],
    dataset: Dataset,
    convention: Convention,
    pairs: Sequence[Pair] = (),
    entries: Sequence[Entry] | None = None,
) -> Iterator[FrameResult]:
    """Run ``models``, by label, on the frames of ``dataset`` (or on ``entries`` of it), and yield each as it is done.

    No more than a frame and the one before it are held. A frame that cannot be read is told as a problem, and the run
    goes on. Raises :class:`omz.errors.EngineError` where a model does not run.
    """
    before: dict[str, Frame] = {}
    last: Entry | None = None
    warm: set[str] = set()
    for entry in dataset.entries if entries is None else entries:
        if last is None or last.clip != entry.clip or last.index + 1 != entry.index or not entry.clip:
            before = {}
        last = entry
        try:
            sample = dataset.read(entry)
        except DataError as error:
            before = {}
            yield FrameResult(entry.name, entry.clip, entry.index, problem=str(error))
            continue
        outputs: dict[str, Mapping[str, Tensor]] = {}
        results: dict[str, ModelFrame] = {}
        frames: dict[str, Frame] = {}
        for label, matter in models.items():
            matte, outputs[label], milliseconds = _run(matter, sample, label not in warm)
            warm.add(label)
            if sample.alpha is not None:
                frames[label] = Frame(matte.alpha, sample.alpha, matte.foreground, sample.foreground, sample.trimap)
            results[label] = _judge(matte, frames.get(label), before.get(label), convention, milliseconds)
        before = frames
        compared = {pair: agreements(outputs[pair[0]], outputs[pair[1]]) for pair in pairs}
        yield FrameResult(entry.name, entry.clip, entry.index, results, compared)


def _run(matter: Matter, sample: Sample, cold: bool) -> tuple[Matte, Mapping[str, Tensor], float]:
    """Return the matte as the network gives it, its outputs, and the milliseconds of inference alone."""
    shown = matter.show(sample.picture, sample.plate if matter.takes_plate else None)
    if cold:
        matter.engine.infer(shown.tensors)  # the first run of a size prepares it
    started = time.perf_counter()
    outputs = matter.engine.infer(shown.tensors)
    milliseconds = 1e3 * (time.perf_counter() - started)
    return matter.matte(shown, outputs, clipped=False), outputs, milliseconds


def _judge(
    matte: Matte, frame: Frame | None, before: Frame | None, convention: Convention, milliseconds: float
) -> ModelFrame:
    """Return what a model did; ``frame`` is its matte beside the truth, None where there is none."""
    finite = np.isfinite(matte.alpha)
    lost = int(matte.alpha.size - np.count_nonzero(finite))
    if lost:
        return ModelFrame({}, milliseconds, 0.0, 0.0, f"{lost} pixels of alpha are no numbers")
    lowest, highest = float(matte.alpha.min()), float(matte.alpha.max())
    if frame is None:
        return ModelFrame({}, milliseconds, lowest, highest)
    try:
        figures = convention.score(frame, before)
    except ValueError as error:
        return ModelFrame({}, milliseconds, lowest, highest, str(error))
    no_numbers = [name for name, value in figures.items() if not np.isfinite(value)]
    if no_numbers:
        return ModelFrame({}, milliseconds, lowest, highest, f"{' and '.join(no_numbers)} are no numbers")
    return ModelFrame(figures, milliseconds, lowest, highest)
