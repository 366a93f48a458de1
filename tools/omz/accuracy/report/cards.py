"""A view of a frame as the page shows it: pictures inside the page, with captions and alternatives in words."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.accuracy.agreement import Agreement
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.figures import figure_names, first_model, heading
from omz.accuracy.report.notation import figure
from omz.accuracy.report.view import View

_PHOTO = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 86])
_EXACT = (".png", [cv2.IMWRITE_PNG_COMPRESSION, 9])
_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


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
    """What the page shows of a view: the frame, the model judged, its first figure and the first model's, pictures.

    ``agreements`` are those of the frame, by output; ``scores`` are by label.
    """

    name: str
    judged: str
    error: str
    scores: dict[str, str]
    agreements: dict[str, Agreement]
    photos: list[Photo]


def card(view: View, evaluation: Evaluation) -> Card:
    """Return a view with all that the evaluation says of its frame."""
    result = next((each for each in evaluation.results if each.name == view.name), None)
    judged, names = [*view.alphas][-1], figure_names(evaluation)
    models = result.models if result else {}
    return Card(
        name=view.name,
        judged=judged,
        error=heading(evaluation, names[0]) if names else "",
        scores={
            label: figure(models[label].figures[names[0]])
            for label in view.alphas
            if names and label in models and names[0] in models[label].figures
        },
        agreements=dict(result.agreements.get((first_model(evaluation), judged), {})) if result else {},
        photos=[*_photos(view, judged)],
    )


def _photos(view: View, judged: str) -> Iterator[Photo]:
    yield _photo(view.picture, _PHOTO, "Picture", f"Frame {view.name}")
    if view.truth is not None:
        yield _photo(view.truth, _EXACT, "True alpha", f"The true alpha of frame {view.name}")
    for label, alpha in view.alphas.items():
        yield _photo(alpha, _EXACT, f"Alpha, {label}", f"The alpha of {label} for frame {view.name}")
    labels = [*view.alphas]
    sides = " and ".join(labels) if len(labels) > 1 else f"{judged} and the truth"
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
