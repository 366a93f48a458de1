"""The tab of pictures: drop one, or one and its plate, and see alpha, cutout and composite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np
from gradio.components import Component

from omz.cutout.compare import before_checkerboard
from omz.cutout.in_memory import CutImage, ImageInMemory, check_readable
from omz.cutout.names import What
from omz.errors import OmzError, UsageError
from omz.images.files import read_image
from omz_demo.web.controls import Chosen, Controls, Update, Values
from omz_demo.web.fetching import Fetching
from omz_demo.web.notices import defects_told, note, problem, report
from omz_demo.web.shown import write_shown
from omz_demo.web.studio import Studio
from omz_demo.web.uploads import image_of, picture_upload

_JOBS = 2  # pictures at a time
_START = note("Drop a picture, and its plate where there is one: the same scene without the subject. Then cut it out.")
_TITLES: tuple[tuple[What, str], ...] = (("alpha", "Alpha"), ("cutout", "Cutout"), ("composite", "Composite"))


@dataclass(frozen=True)
class _Cut:
    """A picture that was cut, as files to download by name, and as files to show, in a row."""

    text: str
    before: Path
    after: Path
    shown: tuple[Path | None, ...]
    files: tuple[Path | None, ...]


class PictureTab:
    """The tab, in the place where it is made."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=320):
                self.picture = picture_upload("Picture", elem_id="picture", height=230)
                self.plate = picture_upload("Plate, if there is one", elem_id="plate", height=170)
                self._example = gr.Button("Use an example", size="sm", elem_id="example")
                self.controls = Controls(studio.settings, studio.offer, studio.devices)
                self._start = gr.Button("Cut out", variant="primary", elem_id="cut")
            with gr.Column(scale=3, min_width=320):
                self._text = gr.HTML(_START, elem_id="report")
                self._fetch = Fetching(studio.offer, self._text)
                self._slider = gr.ImageSlider(
                    label="Before and after", type="filepath", interactive=False, elem_id="slider", buttons=[]
                )
                with gr.Row():
                    self._shown = [self._view(title, what) for what, title in _TITLES]
                with gr.Row():
                    self._files = [self._download(title, what) for what, title in _TITLES]
        self._wire()

    @staticmethod
    def _view(title: str, what: str) -> gr.Image:
        return gr.Image(
            label=title,
            type="filepath",
            interactive=False,
            buttons=["fullscreen"],
            min_width=160,
            visible=what != "composite",
            elem_id=f"show-{what}",
        )

    @staticmethod
    def _download(title: str, what: str) -> gr.DownloadButton:
        return gr.DownloadButton(
            f"{title} as PNG", interactive=False, size="sm", visible=what != "composite", elem_id=f"save-{what}"
        )

    def _wire(self) -> None:
        outputs: list[Component] = [self._text, self._slider, *self._shown, *self._files, *self._fetch.outputs]
        inputs = {self.picture, self.plate, *self.controls.components}
        run: dict[str, Any] = {"inputs": inputs, "outputs": outputs, "api_visibility": "private"}
        run |= {"concurrency_limit": _JOBS, "concurrency_id": "pictures", "show_progress_on": self._slider}
        self._start.click(self._cut, **run)
        self._example.click(
            self._studio.example, outputs=[self.picture, self.plate], api_visibility="private", show_progress="hidden"
        )
        self._fetch.wire(self.controls.renewed, [self.controls.model])

    def _cut(self, values: Values) -> Update:
        """Return the values of components, for those of the inputs."""
        try:
            with defects_told():
                return self._cut_or_raise(values)
        except OmzError as error:
            return self._failed(str(error))

    def _failed(self, text: str) -> Update:
        return {self._text: problem(text), **self._fetch.hidden()}

    def _cut_or_raise(self, values: Values) -> Update:
        picture, plate = values[self.picture], values[self.plate]
        if picture is None:
            raise UsageError("there is no picture; drop one, or choose a file")
        chosen = self.controls.chosen(values)
        model = self._studio.offer.suitable(chosen.model, plate is not None)
        if model.takes_plate is False:
            plate = None
        image = image_of(picture, plate, chosen.target_picture, self._studio.settings)
        if not (model.is_here and model.is_converted):
            check_readable(image, self._studio.settings.options_of({}))  # before anybody waits for a model in vain
        if not model.is_here:
            return self._fetch.offered(model)
        done = self._made(image, chosen, model.name)
        values_of: Update = {self._text: done.text, self._slider: (str(done.before), str(done.after))}
        for view, path in zip(self._shown, done.shown, strict=True):
            values_of[view] = gr.update(value=path and str(path), visible=path is not None)
        for button, path in zip(self._files, done.files, strict=True):
            values_of[button] = gr.update(
                value=path and str(path), visible=path is not None, interactive=path is not None
            )
        return {**values_of, **self._fetch.hidden()}

    def _made(self, image: ImageInMemory, chosen: Chosen, name: str) -> _Cut:
        """Cut an image, and write what comes of it. Raises :class:`omz.errors.OmzError`."""
        settings = self._studio.settings
        whats: list[What] = ["alpha", "cutout"]
        if not chosen.is_transparent:
            whats.append("composite")
        given = {"what": ",".join(whats), "target": chosen.target, "refine": chosen.refine}
        model = self._studio.models.opened(name, chosen.device, chosen.precision)
        cut = model.cut(image, settings.options_of(given))
        folder, stem = self._studio.results.folder(), Path(image.name).stem
        files: list[Path | None] = []
        for what, _ in _TITLES:
            content = cut.contents.get(what)
            path = folder / f"{stem}_{what}.png"
            if content is not None:
                path.write_bytes(content)
            files.append(None if content is None else path)
        source = read_image(Path(image.name), image.content, settings.flags.max_pixels)
        before = write_shown(folder / "before.jpg", before_checkerboard(source.picture, source.opacity))
        shown = [None if what not in cut.contents else _show(folder, what, cut) for what, _ in _TITLES]
        after = shown[-1] or shown[1]
        assert after is not None
        return _Cut(report(cut, Path(name).stem, model.info), before, after, tuple(shown), tuple(files))


def _show(folder: Path, what: What, cut: CutImage) -> Path:
    """Write a result as it is to be seen."""
    if what == "alpha":
        return write_shown(folder / "alpha.jpg", cv2.cvtColor(cut.alpha, cv2.COLOR_GRAY2BGR))
    content = np.frombuffer(cut.contents[what], np.uint8)
    levels = np.asarray(cv2.imdecode(content, cv2.IMREAD_UNCHANGED), np.uint8)
    if levels.shape[2] == 4:
        return write_shown(folder / f"{what}.jpg", before_checkerboard(levels[..., :3], levels[..., 3]))
    return write_shown(folder / f"{what}.jpg", levels)
