"""Gallery of a report: cards with small pictures of the frames on which models differ most.

These frames are looked at again, for a comparison keeps no pictures.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.agreement import Agreement, farthest, pooled
from omz.accuracy.comparison import FrameResult, Pair, follows
from omz.accuracy.datasets.sample import Dataset, Entry, Sample
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.prediction import Prediction, Predictor
from omz.accuracy.report.figures import figure_names, first_heading, first_model
from omz.accuracy.report.notation import figure
from omz.accuracy.summary import frames_with, worst_frames
from omz.errors import DataError
from omz.images.arrays import Picture, Size
from omz.images.compositing import composite, to_uint8
from omz.images.foreground import estimate_foreground
from omz.images.geometry import resize
from omz.metrics.differences import Values, unit

Labels: TypeAlias = tuple[str, ...]
"""Labels of the first model and one that it judges; one label where there is a single model."""

_VISIBLE = 0.5 / 255  # smaller differences vanish in a matte of 8 bits
LONGEST_SIDE = 480
"""Of the pictures in a view, in pixels: a dozen views make a page of some megabytes."""
_HEAT = cv2.COLORMAP_INFERNO  # from black, where nothing differs, to pale yellow
_GREEN = (64, 177, 0)  # BGR; chroma green, which neither skin nor hair has
_NO_NUMBER = -1.0  # stands for it in an alpha, and is far from all that is one
_STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_Grey: TypeAlias = NDArray[np.uint8]
_Single: TypeAlias = NDArray[np.float32]
_PHOTO = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 86])
_EXACT = (".png", [cv2.IMWRITE_PNG_COMPRESSION, 9])
_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


def look_again(predictors: Mapping[str, Predictor], dataset: Dataset, evaluation: Evaluation, count: int) -> list[View]:
    """Return views of the ``count`` worst frames, worst first (see :func:`worst`), on which models run once more.

    A model that remembers sees the clip from its beginning. Frames that can no longer be read are left out. At most one
    frame is in memory. Raises :class:`omz.errors.EngineError` if a model does not run.
    """
    chosen = worst(evaluation, count)
    wanted: dict[str, list[Labels]] = {}
    for name, labels in chosen:
        wanted.setdefault(name, []).append(labels)
    evaluated = {result.name for result in evaluation.results}
    views: dict[tuple[str, Labels], View] = {}
    for run in _runs(dataset.entries, evaluated):
        for sample, labels, predictions in _show(run, predictors, dataset, wanted):
            views[sample.entry.name, labels] = make_view(sample, predictions)
    return [views[each] for each in chosen if each in views]


def worst(evaluation: Evaluation, count: int) -> list[tuple[str, Labels]]:
    """Return the names of the ``count`` worst frames, worst first, each with the labels of the models to look at.

    On the worst frame, the outputs of a model are farthest from the first's, or where none are compared, its first
    figure is highest. Models take turns; differences that no matte of 8 bits can show come after all others.
    """
    first, *others = evaluation.models
    candidates: list[Labels] = [*product([first], others)] or [(first,)]
    ranked = []
    for labels in candidates:
        for turn, (hidden, score, name) in enumerate(_scored(evaluation, labels)):
            ranked.append((hidden, turn, -score, name, labels))
    ranked.sort(key=lambda each: each[:3])
    return [(name, labels) for *_, name, labels in ranked[:count]]


def _scored(evaluation: Evaluation, labels: Labels) -> list[tuple[bool, float, str]]:
    """Return the frames of a model, worst first: whether 8 bits hide the difference, its size, the frame's name."""
    results = evaluation.results
    if len(labels) == 2:
        pair = labels[0], labels[1]
        compared = worst_frames(results, pair, len(results))
        if compared:
            return _by_agreement(compared, pair)
    figures = evaluation.summaries[labels[-1]].figures
    if not figures:
        return []
    values = frames_with(results, labels[-1], next(iter(figures)))
    values.sort(key=lambda each: -each[1])
    return [(False, value, result.name) for result, value in values]


def _by_agreement(results: Sequence[FrameResult], pair: Pair) -> list[tuple[bool, float, str]]:
    """Leave out frames without any difference."""
    found = []
    for result in results:
        outputs = [*result.agreements[pair].values()]
        whole = pooled(outputs)
        if not whole.exact:
            hidden = not whole.not_finite and whole.largest < _VISIBLE
            found.append((hidden, farthest(outputs), result.name))
    return found


def _runs(entries: Sequence[Entry], evaluated: Collection[str]) -> Iterator[list[Entry]]:
    """Yield lists of evaluated frames that follow each other."""
    run: list[Entry] = []
    for entry in entries:
        if entry.name not in evaluated:
            continue
        if run and not follows(entry, run[-1]):
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def _show(
    run: Sequence[Entry], predictors: Mapping[str, Predictor], dataset: Dataset, wanted: Mapping[str, Sequence[Labels]]
) -> Iterator[tuple[Sample, Labels, dict[str, Prediction]]]:
    """Yield the wanted frames of a run, with the predictions of the models concerned."""
    places = [place for place, entry in enumerate(run) if entry.name in wanted]
    if not places:
        return
    run = run[: places[-1] + 1]
    remembering: set[str] = set()
    for place in places:
        for label in chain(*wanted[run[place].name]):
            if predictors[label].remembers:
                remembering.add(label)
    seen: dict[str, Prediction] = {}
    for entry in run:
        asked = wanted.get(entry.name, ())
        shown = remembering.union(*asked)
        before, seen = seen, {}
        if not shown:
            continue
        try:
            sample = dataset.read(entry)
        except DataError:
            continue
        seen = _predict(sample, predictors, sorted(shown), before)
        for labels in asked:
            if seen.keys() >= {*labels}:
                yield sample, labels, {label: seen[label] for label in labels}


def _predict(
    sample: Sample, predictors: Mapping[str, Predictor], labels: Sequence[str], seen: Mapping[str, Prediction]
) -> dict[str, Prediction]:
    said = {}
    for label in labels:
        try:
            said[label] = predictors[label].predict(sample, begins=label not in seen)
        except DataError:
            continue  # it has no matte of this frame
    return said


@dataclass(frozen=True, eq=False)
class View:
    """One frame with the mattes of models; all pictures have one size, no side longer than :data:`LONGEST_SIDE`.

    ``picture``, ``heat`` and ``composite`` (h, w, 3) uint8 BGR; ``truth`` (h, w) uint8, None where it is not known;
    ``alphas`` (h, w) uint8 by label, that of the first model first. ``heat`` colours how far the two alphas are apart,
    or where there is one only, how far it is from the truth: from 0 to ``top``, which is 0 where nothing differs.
    ``composite`` is the last of the models' mattes on green.
    """

    name: str
    picture: Picture
    truth: _Grey | None
    alphas: Mapping[str, _Grey]
    heat: Picture
    top: float
    composite: Picture


def make_view(sample: Sample, predictions: Mapping[str, Prediction]) -> View:
    """Return the view of a frame and its predictions by one model, or two."""
    scale = min(1.0, LONGEST_SIDE / max(sample.picture.shape))
    height, width = (max(1, round(side * scale)) for side in sample.picture.shape[:2])
    size = height, width
    alphas = {label: _alpha(each.alpha) for label, each in predictions.items()}
    compared, small_truth = [*alphas.values()], None
    if sample.alpha is not None:
        truth = _alpha(sample.alpha)
        small_truth = to_uint8(resize(truth, size))
        if len(alphas) == 1:
            compared.append(truth)
    heat, top = _heat(compared[0], compared[-1], size)
    picture, judged = resize(sample.picture, size), [*predictions][-1]
    return View(
        name=sample.entry.name,
        picture=picture,
        truth=small_truth,
        alphas={label: to_uint8(resize(alpha, size)) for label, alpha in alphas.items()},
        heat=heat,
        top=top,
        composite=_on_green(picture, resize(alphas[judged], size), predictions[judged].foreground, size),
    )


def heat_colours(shares: _Single) -> Picture:
    """Return the colours of 0 to 1, (H, W), as (H, W, 3) uint8 BGR."""
    return cv2.applyColorMap(to_uint8(shares), _HEAT)


def _alpha(values: Values) -> _Single:
    return np.nan_to_num(unit(values), nan=_NO_NUMBER, posinf=_NO_NUMBER, neginf=_NO_NUMBER).astype(np.float32)


def _heat(one: _Single, other: _Single, size: Size) -> tuple[Picture, float]:
    """Return the differences in colours at ``size``, the largest of each neighbourhood, and what the top stands for."""
    difference = np.abs(one - other)
    block = [math.ceil(full / small) for full, small in zip(difference.shape, size, strict=True)]
    pooled = cv2.dilate(difference, np.ones(block, np.uint8), anchor=(0, 0))  # or what is thin would fade, or go
    top = _round_up(float(difference.max()))
    return heat_colours(resize(pooled, size, cv2.INTER_NEAREST) / np.float32(top or 1)), top


def _round_up(value: float) -> float:
    if not value:
        return 0.0
    exponent, top = math.floor(math.log10(value)), 0.0
    for step in _STEPS:
        top = float(f"{step}e{exponent}")
        if top >= value:
            break
    return top


def _on_green(picture: Picture, alpha: _Single, foreground: Values | None, size: Size) -> Picture:
    alpha = np.clip(alpha, 0, 1)
    if foreground is None:
        colours = estimate_foreground(picture, alpha)
    else:
        colours = resize(np.clip(np.nan_to_num(unit(foreground)), 0, 1).astype(np.float32), size)
    return composite(alpha, colours, np.full_like(picture, _GREEN))


@dataclass(frozen=True)
class Photo:
    """A picture in the page: ``alt`` says it in words; a heat map has ``top``, what its brightest colour stands for."""

    uri: str
    caption: str
    alt: str
    width: int
    height: int
    top: float | None = None


@dataclass(frozen=True)
class Card:
    """A view on the page: the frame, the judged model, its first figure and the first model's, pictures.

    ``agreements`` are those of the frame, by output; ``scores`` are by label.
    """

    name: str
    judged: str
    error: str
    scores: dict[str, str]
    agreements: dict[str, Agreement]
    photos: list[Photo]


def card(view: View, evaluation: Evaluation) -> Card:
    """Return a view with the results of its frame."""
    judged, names = [*view.alphas][-1], figure_names(evaluation)
    made = Card(view.name, judged, first_heading(evaluation), {}, {}, [*_photos(view, judged)])
    for result in evaluation.results:
        if result.name == view.name:
            made.agreements.update(result.agreements.get((first_model(evaluation), judged), {}))
            for label, frame in result.models.items():
                if label in view.alphas and names and names[0] in frame.figures:
                    made.scores[label] = figure(frame.figures[names[0]])
            break
    return made


def _photos(view: View, judged: str) -> Iterator[Photo]:
    yield _photo(view.picture, _PHOTO, "Image", f"Frame {view.name}")
    if view.truth is not None:
        yield _photo(view.truth, _EXACT, "True alpha", f"The true alpha of frame {view.name}")
    for label, alpha in view.alphas.items():
        yield _photo(alpha, _EXACT, f"Alpha, {label}", f"The alpha of {label} for frame {view.name}")
    labels = [*view.alphas]
    sides = f"{judged} and the truth"
    if len(labels) > 1:
        sides = " and ".join(labels)
    if len(labels) > 1 or view.truth is not None:
        alt = f"Where {sides} differ on frame {view.name}: dark is no difference, pale yellow is {view.top:g}"
        yield _photo(view.heat, (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90]), f"{sides} differ", alt, view.top)
    yield _photo(view.composite, _PHOTO, f"{judged} on green", f"What {judged} cuts out of frame {view.name}, on green")


def _photo(
    pixels: NDArray[np.uint8], form: tuple[str, list[int]], caption: str, alt: str, top: float | None = None
) -> Photo:
    suffix, options = form
    encoded = cv2.imencode(suffix, pixels, options)[1].tobytes()
    uri = f"data:{_TYPES[suffix]};base64,{base64.b64encode(encoded).decode()}"
    return Photo(uri, caption, alt, pixels.shape[1], pixels.shape[0], top)
