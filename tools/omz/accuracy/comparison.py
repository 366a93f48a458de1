"""Models side by side on the same frames: each frame is read once, and shown to all."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from omz.accuracy.agreement import Agreement, agreements
from omz.accuracy.conventions import Convention, Frame
from omz.accuracy.datasets.sample import Dataset, Entry, Sample
from omz.accuracy.metrics.differences import unit
from omz.accuracy.prediction import Prediction, Predictor
from omz.errors import DataError

Pair = tuple[str, str]
"""The labels of two models whose outputs are compared: the one it is judged by, and the one that is judged."""


@dataclass(frozen=True)
class ModelFrame:
    """What one model did on one frame.

    ``figures`` are by name, in the units of the convention; empty where there is no truth. ``milliseconds`` are those
    of inference, None where nothing was inferred. ``lowest`` and ``highest`` are those of alpha as the network gives
    it, None where there is none. ``problem`` says why there are no figures, empty where there is none.
    """

    figures: dict[str, float]
    milliseconds: float | None
    lowest: float | None
    highest: float | None
    problem: str = ""


@dataclass(frozen=True)
class FrameResult:
    """One frame: what each model did, and how far their outputs are apart, by output.

    ``problem`` says why it could not be read, empty where it could. ``sha256`` is a digest of what was read.
    """

    name: str
    clip: str
    index: int
    models: dict[str, ModelFrame] = field(default_factory=dict)
    agreements: dict[Pair, dict[str, Agreement]] = field(default_factory=dict)
    problem: str = ""
    sha256: str = ""


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
    threads, which leave Python's lock while they decode and compute; the figures stay what they are, and milliseconds
    tell of a machine that does more than infer. No more frames are held than twice the jobs, and one more.

    A frame that cannot be read is told as a problem, and the run goes on. Raises :class:`omz.errors.EngineError` where
    a model does not run.
    """
    ahead = 0 if jobs == 1 else jobs  # alone, nothing is to disturb the clock
    with ThreadPoolExecutor(jobs) as pool:
        scored: deque[Future[FrameResult]] = deque()
        last = _Last()
        for entry, sample in _read(pool, dataset, dataset.entries if entries is None else entries, ahead):
            before = last if last.entry and follows(entry, last.entry) else _Last()
            if isinstance(sample, DataError):
                last, unread = _Last(), FrameResult(entry.name, entry.clip, entry.index, problem=str(sample))
                scored.append(pool.submit(lambda result: result, unread))
            else:
                said = {label: _predict(each, sample, label not in before.said) for label, each in predictors.items()}
                seen = _Seen(sample, said if pairs else {label: _lean(each) for label, each in said.items()})
                scored.append(pool.submit(_score, seen, before.seen, convention, pairs))
                looks_back = convention.flicker is not None
                last = _Last(
                    entry,
                    {label for label in said if isinstance(said[label], Prediction)},
                    seen if looks_back else None,
                )
            while len(scored) >= jobs:
                yield scored.popleft().result()
        while scored:
            yield scored.popleft().result()


@dataclass(frozen=True)
class _Last:
    """The frame before, where there was one: whom there is a prediction of, and all of it where that is needed."""

    entry: Entry | None = None
    said: Collection[str] = ()
    seen: _Seen | None = None


@dataclass(frozen=True)
class _Seen:
    """A frame, and what is said of it, or why nothing is, by label."""

    sample: Sample
    predictions: Mapping[str, Prediction | DataError]

    def frame(self, label: str) -> Frame | None:
        """Return a prediction beside the truth; None where one of the two is not there."""
        prediction, sample = self.predictions.get(label), self.sample
        if not isinstance(prediction, Prediction) or sample.alpha is None:
            return None
        return Frame(prediction.alpha, sample.alpha, prediction.foreground, sample.foreground, sample.trimap)


def follows(entry: Entry, other: Entry) -> bool:
    """Tell whether a frame comes next after another one in the same clip."""
    return bool(entry.clip) and entry.clip == other.clip and entry.index == other.index + 1


def _read(
    pool: ThreadPoolExecutor, dataset: Dataset, entries: Sequence[Entry], ahead: int
) -> Iterator[tuple[Entry, Sample | DataError]]:
    """Yield frames in order, having begun to read some ``ahead``."""
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


def _predict(predictor: Predictor, sample: Sample, begins: bool) -> Prediction | DataError:
    try:
        return predictor.predict(sample, begins)
    except DataError as error:
        return error


def _lean(prediction: Prediction | DataError) -> Prediction | DataError:
    """Leave out what nothing is compared with."""
    return replace(prediction, outputs={}) if isinstance(prediction, Prediction) else prediction


def _score(seen: _Seen, before: _Seen | None, convention: Convention, pairs: Sequence[Pair]) -> FrameResult:
    models = {}
    for label, prediction in seen.predictions.items():
        if isinstance(prediction, Prediction):
            earlier = before.frame(label) if before else None
            models[label] = _judge(prediction, seen.frame(label), earlier, convention, seen.sample.entry.index == 0)
        else:
            models[label] = ModelFrame({}, None, None, None, str(prediction))
    outputs = {
        label: each.comparable if isinstance(each, Prediction) else {} for label, each in seen.predictions.items()
    }
    compared = {pair: agreements(outputs[pair[0]], outputs[pair[1]]) for pair in pairs}
    entry = seen.sample.entry
    return FrameResult(entry.name, entry.clip, entry.index, models, compared, sha256=seen.sample.sha256)


def _judge(
    prediction: Prediction, frame: Frame | None, before: Frame | None, convention: Convention, is_first: bool
) -> ModelFrame:
    """Return what a model did; ``frame`` is its matte beside the truth, None where there is none."""
    alpha, milliseconds = prediction.alpha, prediction.milliseconds
    lowest, highest = (float(end) for end in unit(np.array([alpha.min(), alpha.max()])))
    if not np.isfinite([lowest, highest]).all():
        lost = int(alpha.size - np.count_nonzero(np.isfinite(alpha)))
        return ModelFrame({}, milliseconds, None, None, f"{lost} pixels of alpha are no numbers")
    colours = prediction.foreground
    if colours is not None and not np.isfinite([colours.min(), colours.max()]).all():
        return ModelFrame({}, milliseconds, lowest, highest, "colours of the foreground are no numbers")
    if frame is None:
        return ModelFrame({}, milliseconds, lowest, highest)
    try:
        figures = convention.score(frame, before, is_first)
    except ValueError as error:
        return ModelFrame({}, milliseconds, lowest, highest, str(error))
    no_numbers = [name for name, value in figures.items() if not np.isfinite(value)]
    if no_numbers:
        return ModelFrame({}, milliseconds, lowest, highest, f"{' and '.join(no_numbers)} are no numbers")
    return ModelFrame(figures, milliseconds, lowest, highest)
