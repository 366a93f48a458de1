"""Tab *original | converted*: a picture through the source of a model and each of its IRs, and how far they differ."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np

from omz.accuracy.agreement import Agreement, agreement
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.labels import ORIGINAL, tolerance_of
from omz.accuracy.prediction import Prediction
from omz.accuracy.request import EvaluationObserver, EvaluationRequest
from omz.accuracy.variants import VariantLoader
from omz.cutout.flags import STARTER
from omz.errors import OmzError, UsageError
from omz.events import Event
from omz.images.arrays import Picture
from omz.images.compositing import to_uint8
from omz.images.files import read_image
from omz.matting.plates import read_plate
from omz.metrics.differences import difference, unit
from omz.runtime.engine import EngineInfo
from omz.zoo.card import ModelCard
from omz_demo.web.background import Follower, followed, told
from omz_demo.web.controls import Update, Values
from omz_demo.web.fetching import Fetching
from omz_demo.web.notices import defects_told, note, problem, table
from omz_demo.web.pictures import PictureTab
from omz_demo.web.shown import write_shown
from omz_demo.web.studio import Studio
from omz_demo.web.uploads import read_upload

_HEADS = ("IR", "Mean", "99.9 % within", "Largest", "Beyond 1/255", "PSNR", "Tolerance", "Time", "Runs on")
_START = note(
    "Compare the alphas that a model's source and its IRs give, before refinement, for the picture on the first tab."
)
_LEAST_SCALE = 1 / 255  # which is black to white in a heat map at least: less is not seen


@dataclass(frozen=True)
class VariantResult:
    """What a variant made of the picture, with its engine, and its distance from the original: None for that."""

    prediction: Prediction
    info: EngineInfo
    agreement: Agreement | None


class _Steps(EvaluationObserver):
    def __init__(self, follower: Follower) -> None:
        self._follower = follower

    def on_event(self, event: Event) -> None:
        self._follower.on_event(event)


class ComparisonTab:
    """The tab, in the place where it is made; it compares on the picture and the plate of ``pictures``."""

    def __init__(self, studio: Studio, pictures: PictureTab) -> None:
        self._studio, self._pictures = studio, pictures
        names = [model.name for model in studio.offer if model.license]
        with gr.Row(equal_height=True):
            self._model = gr.Dropdown(names, value=STARTER, label="Model", scale=3)
            self._start = gr.Button("Compare", variant="primary", scale=1, elem_id="compare")
        self._text = gr.HTML(_START, elem_id="comparison-report")
        self._fetch = Fetching(studio.offer, self._text)
        self._gallery = gr.Gallery(
            label="Alphas, and heat maps of their differences",
            columns=3,
            object_fit="contain",
            interactive=False,
            buttons=["fullscreen"],
            elem_id="comparison",
        )
        self._start.click(
            self._compare,
            {self._model, pictures.picture, pictures.plate},
            [self._text, self._gallery, self._start, *self._fetch.outputs],
            show_progress="hidden",
            concurrency_limit=1,
            concurrency_id="comparisons",
            api_visibility="private",
        )
        self._fetch.wire(dict, [])

    def _compare(self, values: Values) -> Iterator[Update]:
        """Yield the values of components while variants run, and at the end."""
        try:
            with defects_told():
                yield from self._followed(values)
        except OmzError as error:
            yield {self._text: problem(str(error)), self._start: gr.update(interactive=True)}

    def _followed(self, values: Values) -> Generator[Update, None, None]:
        name, picture = values[self._model], values[self._pictures.picture]
        if picture is None:
            raise UsageError("there is no picture; drop one on the first tab")
        model = self._studio.offer.named(name)
        plate = values[self._pictures.plate] if model.takes_plate else None
        if model.takes_plate and plate is None:
            raise UsageError(f"{name} needs the plate, the same scene without the subject; drop one on the first tab")
        sample = self._sample(picture, plate)
        if not model.is_here:
            yield self._fetch.offered(model)
            return
        follower, card = Follower(), self._studio.offer.choice(name).card
        yield {**self._fetch.hidden(), self._start: gr.update(interactive=False)}
        work = followed(lambda: self._results(card, sample, follower), follower)
        results = yield from told(work, follower, self._text)
        shown = self._pictures_of(results)
        yield {self._text: figures(results, card), self._gallery: shown, self._start: gr.update(interactive=True)}

    def _sample(self, picture: str, plate: str | None) -> Sample:
        """Return the picture and its plate as the networks see them. Raises :class:`OmzError`."""
        settings = self._studio.settings
        most = settings.flags.max_pixels
        image = read_image(Path(picture), read_upload(picture, settings), most)
        seen: Picture | None = None
        if plate is not None:
            seen = read_plate(Path(plate), most, read_upload(plate, settings))
            if seen.shape != image.picture.shape:
                raise UsageError("picture and plate differ in size; take them with the same camera and settings")
        return Sample(Entry(Path(picture).name, "", 0, {}), image.picture, seen)

    def _results(self, card: ModelCard, sample: Sample, follower: Follower) -> dict[str, VariantResult]:
        """Run the original and the IRs. Raises :class:`OmzError`."""
        options = self._studio.settings.options_of({})
        labels = [ORIGINAL, "FP32", "FP16", *self._studio.offer.quantised(card.name)]
        request = EvaluationRequest(
            name=card.name,
            models_dir=options.models_dir,
            download_dir=options.download_dir,
            models=",".join(labels),
            device=options.device,
            trust_code=options.trust_code,
        )
        variants = VariantLoader(request, card, None, _Steps(follower)).load()
        results: dict[str, VariantResult] = {}
        for label, variant in variants.items():
            follower.at(f"running {label}")
            prediction = variant.predictor.predict(sample, True)
            distance = None
            if results:
                distance = agreement(unit(results[ORIGINAL].prediction.alpha), unit(prediction.alpha))
            results[label] = VariantResult(prediction, variant.predictor.info, distance)
        return results

    def _pictures_of(self, results: Mapping[str, VariantResult]) -> list[tuple[str, str]]:
        """Write alphas and heat maps; return their paths and captions."""
        folder, shown = self._studio.results.folder(), []
        original = results[ORIGINAL].prediction.alpha
        for label, result in results.items():
            alpha = to_uint8(np.clip(result.prediction.alpha, 0, 1).astype(np.float32))
            path = write_shown(folder / f"{label}.png", cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR))
            shown.append((str(path), label))
            if result.agreement is not None:
                heat, scale = heat_map(np.abs(difference(result.prediction.alpha, original)))
                path = write_shown(folder / f"{label}_difference.png", heat)
                shown.append((str(path), f"{label} - {ORIGINAL}: white is {scale:.2g}"))
        return shown


def heat_map(distance: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[Picture, float]:
    """Return the colours of differences, from black to white, and the difference that is white."""
    scale = max(float(distance.max()), _LEAST_SCALE)
    levels = np.rint(255 * distance / scale).astype(np.uint8)
    return cv2.applyColorMap(levels, cv2.COLORMAP_HOT), scale


def figures(results: Mapping[str, VariantResult], card: ModelCard) -> str:
    """Return the figures of all variants as a table."""
    rows = []
    for label, result in results.items():
        cells = ["", "", "", "", "", ""]
        if result.agreement is not None:
            cells = _distance(result.agreement, tolerance_of(label, card.parity))
        milliseconds = result.prediction.milliseconds
        time = "" if milliseconds is None else f"{milliseconds:.0f} ms"
        info = result.info
        rows.append([escape(label), *cells, time, escape(f"{info.framework}, {info.device}, {info.precision}")])
    return table(_HEADS, rows)


def _distance(seen: Agreement, tolerance: float) -> list[str]:
    verdict = "held" if seen.p99_9 <= tolerance and not seen.not_finite else "not held"
    psnr = "no difference" if seen.psnr is None else f"{seen.psnr:.1f} dB"
    numbers = [f"{value:.2g}" for value in (seen.mean, seen.p99_9, seen.largest)]
    return [*numbers, f"{seen.beyond_a_level:.2%}", psnr, f"{tolerance:g}, {verdict}"]
