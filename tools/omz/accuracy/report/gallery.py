"""The frames on which models differ most, looked at again, for a comparison keeps no pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from omz.accuracy.comparison import follows
from omz.accuracy.datasets.sample import Dataset, Entry, Sample
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.prediction import Prediction, Predictor
from omz.accuracy.report.view import View, make_view
from omz.accuracy.report.worst import Labels, worst
from omz.errors import DataError


def look_again(predictors: Mapping[str, Predictor], dataset: Dataset, evaluation: Evaluation, count: int) -> list[View]:
    """Return views of the ``count`` worst frames, worst first (see :func:`worst`), on which models run once more.

    A model that remembers is shown the clip from its beginning. A frame that can no longer be read is left out. No
    more than one frame is held in full. Raises :class:`omz.errors.EngineError` where a model does not run.
    """
    chosen = worst(evaluation, count)
    wanted: dict[str, list[Labels]] = {}
    for name, labels in chosen:
        wanted.setdefault(name, []).append(labels)
    evaluated = {result.name for result in evaluation.results}
    views: dict[tuple[str, Labels], View] = {}
    for run in _runs([entry for entry in dataset.entries if entry.name in evaluated]):
        for sample, labels, predictions in _show(run, predictors, dataset, wanted):
            views[sample.entry.name, labels] = make_view(sample, predictions)
    return [views[each] for each in chosen if each in views]


def _runs(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield frames that follow each other, together."""
    run: list[Entry] = []
    for entry in entries:
        if run and not follows(entry, run[-1]):
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def _show(
    run: Sequence[Entry], predictors: Mapping[str, Predictor], dataset: Dataset, wanted: Mapping[str, Sequence[Labels]]
) -> Iterator[tuple[Sample, Labels, dict[str, Prediction]]]:
    """Yield the wanted frames of a run, and what the models concerned say of them."""
    places = [place for place, entry in enumerate(run) if entry.name in wanted]
    concerned = {label for place in places for labels in wanted[run[place].name] for label in labels}
    remembering = {label for label in concerned if predictors[label].remembers}
    seen: dict[str, Prediction] = {}  # what was said of the frame before
    for entry in run[: places[-1] + 1 if places else 0]:
        asked = wanted.get(entry.name, ())
        shown = remembering | {label for labels in asked for label in labels}
        sample = _read(dataset, entry) if shown else None
        seen = {} if sample is None else _predict(sample, {name: predictors[name] for name in sorted(shown)}, seen)
        for labels in asked:
            if sample is not None and seen.keys() >= {*labels}:
                yield sample, labels, {label: seen[label] for label in labels}


def _read(dataset: Dataset, entry: Entry) -> Sample | None:
    try:
        return dataset.read(entry)
    except DataError:
        return None


def _predict(
    sample: Sample, predictors: Mapping[str, Predictor], seen: Mapping[str, Prediction]
) -> dict[str, Prediction]:
    said = {}
    for label, predictor in predictors.items():
        try:
            said[label] = predictor.predict(sample, begins=label not in seen)
        except DataError:
            continue  # it has no matte of this frame
    return said
