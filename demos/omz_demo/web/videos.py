"""The tab of videos: drop a short one, see how far the work is, and stop it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from threading import Lock

import gradio as gr

from omz.cutout.run import run
from omz.errors import Interrupted, OmzError, UsageError, VideoError
from omz.video.info import probe
from omz_demo.web.background import Follower, followed, told
from omz_demo.web.controls import Controls, Update, Values
from omz_demo.web.fetching import Fetching
from omz_demo.web.notices import defects_told, note, problem, video_report
from omz_demo.web.studio import Studio
from omz_demo.web.uploads import check_upload, picture_upload, video_place

_PLATES = (
    ("none", ""),
    ("the first frame", "first"),
    ("the median of the video", "median"),
    ("a picture", "picture"),
)
_START = note("Drop a short video. Its plate can be its first frame, where that shows the scene without the subject.")

_ENABLED = gr.update(interactive=True)


class VideoTab:
    """The tab, in the place where it is made."""

    def __init__(self, studio: Studio, page: gr.Blocks) -> None:
        self._studio, self._jobs = studio, Jobs()
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=320):
                self._video = video_place("Video", sources=["upload", "webcam"], height=230, elem_id="video")
                self._plate = gr.Radio(_PLATES, value="", label="Plate", elem_id="video-plate")
                self._picture = picture_upload("Plate", visible=False, height=170, elem_id="video-plate-picture")
                self._controls = Controls(studio.settings, studio.offer, studio.devices)
                with gr.Row():
                    self._start = gr.Button("Cut out", variant="primary", elem_id="cut-video")
                    self._cancel = gr.Button("Cancel", variant="stop", interactive=False, elem_id="cancel-video")
            with gr.Column(scale=3, min_width=320):
                self._text = gr.HTML(_START, elem_id="video-report")
                self._fetch = Fetching(studio.offer, self._text)
                self._shown = video_place("Result", interactive=False, elem_id="show-video")
                self._file = gr.DownloadButton("Video", interactive=False, size="sm", elem_id="save-video")
        self._wire()
        page.unload(self._jobs.stop)

    def _wire(self) -> None:
        self._plate.change(
            lambda kind: gr.update(visible=kind == "picture"),
            self._plate,
            self._picture,
            queue=False,
            api_visibility="private",
        )
        outputs = [self._text, self._shown, self._file, self._start, self._cancel, *self._fetch.outputs]
        self._start.click(
            self._cut,
            {self._video, self._plate, self._picture, *self._controls.components},
            outputs,
            show_progress="hidden",
            concurrency_limit=1,
            concurrency_id="videos",
            api_visibility="private",
        )
        self._cancel.click(self._jobs.stop, queue=False, api_visibility="private")
        self._fetch.wire(self._controls.renewed, [self._controls.model])

    def _cut(self, values: Values, request: gr.Request) -> Iterator[Update]:
        """Yield the values of components while a video is cut, and at the end."""
        follower = self._jobs.begin(request.session_hash)
        try:
            with defects_told():
                yield from self._followed(values, follower)
        except Interrupted:
            yield {self._text: note(f"stopped after {follower.step}; nothing was kept"), **self._idle()}
        except OmzError as error:
            yield {self._text: problem(str(error)), **self._idle()}

    def _followed(self, values: Values, follower: Follower) -> Generator[Update, None, None]:
        """Yield how far the work is. Raises :class:`OmzError`, and :class:`Interrupted` where it was stopped."""
        video, plate = values[self._video], values[self._plate]
        if plate == "picture":
            plate = values[self._picture] or ""
        if video is None:
            raise UsageError("there is no video; drop one, or choose a file")
        check_upload(video, self._studio.settings)
        probe(video)
        chosen = self._controls.chosen(values)
        model = self._studio.offer.suitable(chosen.model, bool(plate))
        if not model.is_here:
            yield self._fetch.offered(model)
            return
        yield {**self._fetch.hidden(), self._start: gr.update(interactive=False), self._cancel: _ENABLED}
        with self._studio.results.folder_if_done() as folder:
            output = folder / f"{Path(video).stem}_{chosen.kind}{chosen.video_suffix}"
            given = {
                "plate": plate,
                "model": model.name,
                "device": chosen.device,
                "precision": chosen.precision,
                "refine": chosen.refine,
                "target": chosen.target_picture or chosen.target,
                "output": output,
            }
            options = self._studio.settings.options_of(given, (video,))
            work = followed(lambda: run(options, follower), follower)
            summary = yield from told(work, follower, self._text)
            if summary.failed:
                raise VideoError(follower.failure)
        file = gr.update(value=str(output), interactive=True)
        yield {self._text: video_report(summary), self._shown: str(output), self._file: file, **self._idle()}

    def _idle(self) -> Update:
        return {self._start: gr.update(interactive=True), self._cancel: gr.update(interactive=False)}


class Jobs:
    """The work of each browser tab, by its session."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._followers: dict[str, Follower] = {}

    def begin(self, session: str | None) -> Follower:
        """Return the follower of new work."""
        follower = Follower()
        with self._lock:
            self._followers[session or ""] = follower
        return follower

    def stop(self, request: gr.Request) -> None:
        """Stop the work of a tab."""
        with self._lock:
            follower = self._followers.pop(request.session_hash or "", None)
        if follower is not None:
            follower.stop()
