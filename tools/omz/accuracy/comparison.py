"""Models side by side on the same frames: each frame is read once, and shown to all."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from omz.accuracy.agreement import Agreement, agreements
from omz.accuracy.conventions import Convention, ScoredFrame
from omz.accuracy.datasets.sample import Dataset, Entry, Remark, Sample
from omz.accuracy.prediction import Prediction, Predictor
from omz.errors import DataError
from omz.metrics.differences import unit
from omz.runtime.engine import Tensor

Pair = tuple[str, str]
"""The labels of two models whose outputs are compared: the one that judges, and the one that is judged."""


@dataclass(frozen=True)
class ModelFrame:
    """Result of one model on one frame.

    ``figures`` are by name, in the units of the convention; empty without truth. ``milliseconds`` are those of
    inference, None where nothing was inferred. ``lowest`` and ``highest`` are those of alpha as the network gives it,
    None without alpha. ``problem`` says why there are no figures, empty if there is no problem.
    """

    figures: dict[str, float]
    milliseconds: float | None
    lowest: float | None
    highest: float | None
    problem: str = ""


@dataclass(frozen=True)
class FrameResult:
    """Results of all models on one frame, and the agreements of their outputs by name.

    ``problem`` says why it could not be read, empty if it could. ``sha256`` is a digest of what was read, and
    ``remarks`` are on it.
    """

    name: str
    clip: str
    index: int
    models: dict[str, ModelFrame] = field(default_factory=dict)
    agreements: dict[Pair, dict[str, Agreement]] = field(default_factory=dict)
    problem: str = ""
    sha256: str = ""
    remarks: tuple[Remark, ...] = ()


def compare(
    predictors: Mapping[str, Predictor],
    dataset: Dataset,
    convention: Convention,
    pairs: Sequence[Pair] = (),
    entries: Sequence[Entry] | None = None,
    jobs: int = 1,
) -> Iterator[FrameResult]:
    """Run ``predictors``, by label, on the frames of ``dataset`` (or on ``entries`` of it); yield results in order.

    Models run one frame after the other. With more than one job, frames are read ahead and scored behind in as many
    threads, which leave Python's lock while they decode and compute; figures stay the same, and milliseconds are those
    of a machine that does more than infer. At most twice the jobs, and one more, frames are in memory.

    A frame that cannot be read has a problem; the run goes on. Raises :class:`omz.errors.EngineError` if a model fails.
    """
    # Three stages, joined by queues: frames are read ahead in the pool, models run here, one frame at a time and in
    # order, for they may remember, and scoring goes to the pool again. Scoring needs the frame before for flicker;
    # a model begins anew where the clip does, and where it has no prediction of the frame before.
    with ThreadPoolExecutor(jobs) as pool:
        scored: deque[Future[FrameResult]] = deque()
        last = _Last()
        for entry, sample in _read(pool, dataset, dataset.entries if entries is None else entries, jobs):
            before = _Last()
            if last.entry and follows(entry, last.entry):
                before = last
            if isinstance(sample, DataError):
                last = _Last()
                scored.append(pool.submit(FrameResult, entry.name, entry.clip, entry.index, problem=str(sample)))
            else:
                seen = _Seen(sample, {})
                for label, predictor in predictors.items():
                    seen.predictions[label] = _predict(predictor, sample, label not in before.said, bool(pairs))
                scored.append(pool.submit(_score, seen, before.seen, convention, pairs))
                said = [label for label, each in seen.predictions.items() if isinstance(each, Prediction)]
                last = _Last(entry, said, seen if convention.flicker is not None else None)
            while len(scored) >= jobs:
                yield scored.popleft().result()
        while scored:
            yield scored.popleft().result()


@dataclass(frozen=True)
class _Last:
    """The frame before: the labels of its predictions, and all of it where flicker is measured."""

    entry: Entry | None = None
    said: Collection[str] = ()
    seen: _Seen | None = None


@dataclass(frozen=True)
class _Seen:
    """A frame, and its predictions by label, or why there is none."""

    sample: Sample
    predictions: dict[str, Prediction | DataError]

    def frame(self, label: str) -> ScoredFrame | None:
        """Return a prediction and the truth; None where one of the two is missing."""
        prediction, sample = self.predictions.get(label), self.sample
        if not isinstance(prediction, Prediction) or sample.alpha is None:
            return None
        return ScoredFrame(prediction.alpha, sample.alpha, prediction.foreground, sample.foreground, sample.trimap)


def follows(entry: Entry, other: Entry) -> bool:
    """Tell whether a frame comes right after another one in the same clip."""
    return bool(entry.clip) and entry.clip == other.clip and entry.index == other.index + 1


def _read(
    pool: ThreadPoolExecutor, dataset: Dataset, entries: Sequence[Entry], jobs: int
) -> Iterator[tuple[Entry, Sample | DataError]]:
    """Yield frames in order, having begun to read as many ahead as there are ``jobs``."""
    ahead = jobs
    if jobs == 1:
        ahead = 0  # nothing is to disturb the clock
    begun: deque[tuple[Entry, Future[Sample]]] = deque()
    for entry in entries:
        begun.append((entry, pool.submit(dataset.read, entry)))
        if len(begun) > ahead:
            yield _finish(*begun.popleft())
    while begun:
        yield _finish(*begun.popleft())


def _finish(entry: Entry, reading: Future[Sample]) -> tuple[Entry, Sample | DataError]:
    try:
        return entry, reading.result()
    except DataError as error:
        return entry, error


def _predict(predictor: Predictor, sample: Sample, begins: bool, with_outputs: bool) -> Prediction | DataError:
    """Return the prediction, without the network's outputs where these are compared with nothing."""
    try:
        prediction = predictor.predict(sample, begins)
    except DataError as error:
        return error
    if with_outputs:
        return prediction
    return replace(prediction, outputs={})


def _score(seen: _Seen, before: _Seen | None, convention: Convention, pairs: Sequence[Pair]) -> FrameResult:
    models = {}
    outputs: dict[str, dict[str, Tensor]] = {}
    entry, remarks = seen.sample.entry, seen.sample.remarks
    for label, prediction in seen.predictions.items():
        if isinstance(prediction, Prediction):
            earlier = before.frame(label) if before else None
            models[label] = _judge(prediction, seen.frame(label), earlier, convention, entry.index == 0)
            outputs[label] = prediction.comparable
            remarks += prediction.remarks
        else:
            models[label] = ModelFrame({}, None, None, None, str(prediction))
            outputs[label] = {}
    compared = {pair: agreements(outputs[pair[0]], outputs[pair[1]]) for pair in pairs}
    return FrameResult(entry.name, entry.clip, entry.index, models, compared, "", seen.sample.sha256, remarks)


def _judge(
    prediction: Prediction,
    frame: ScoredFrame | None,
    before: ScoredFrame | None,
    convention: Convention,
    is_first: bool,
) -> ModelFrame:
    """Return the result of a model; ``frame`` is its matte and the truth, None without truth."""
    alpha, milliseconds = prediction.alpha, prediction.milliseconds
    lowest, highest = unit(np.array([alpha.min(), alpha.max()])).tolist()
    if not np.isfinite([lowest, highest]).all():
        lost = int(alpha.size - np.count_nonzero(np.isfinite(alpha)))
        return ModelFrame({}, milliseconds, None, None, f"{lost} pixels of alpha are not finite")
    colours = prediction.foreground
    if colours is not None and not np.isfinite([colours.min(), colours.max()]).all():
        return ModelFrame({}, milliseconds, lowest, highest, "colours of the foreground are not finite")
    if frame is None:
        return ModelFrame({}, milliseconds, lowest, highest)
    try:
        figures = convention.score(frame, before, is_first)
    except ValueError as error:
        return ModelFrame({}, milliseconds, lowest, highest, str(error))
    lost_figures = [name for name, value in figures.items() if not np.isfinite(value)]
    if lost_figures:
        return ModelFrame({}, milliseconds, lowest, highest, f"{' and '.join(lost_figures)} are not finite")
    return ModelFrame(figures, milliseconds, lowest, highest)
