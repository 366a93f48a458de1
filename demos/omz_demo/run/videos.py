"""Videos, one after the other; one that fails keeps no other from its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from omz.errors import OmzError
from omz.images.arrays import Picture
from omz.images.files import Levels
from omz_demo.display import progress
from omz_demo.frames import Cut, Frame
from omz_demo.inputs.discovery import Input
from omz_demo.inputs.standard_input import StdinVideo
from omz_demo.jobs.clip import Clip, ClipResult, run_clip
from omz_demo.outputs.names import Outputs, What
from omz_demo.outputs.screen import on_screen
from omz_demo.outputs.window import Action, Window
from omz_demo.plan import Plan
from omz_demo.plates import Fitted, Plates
from omz_demo.run.outcome import Outcome
from omz_demo.run.video_manifest import FinishedVideos, open_finished_videos
from omz_demo.run.video_sources import VideoSource, file_source, piped_source
from omz_demo.targets import VideoTarget
from omz_demo.video.reading import VideoFrame
from omz_demo.workshop import Workshop

_FRAMES = "frames"


def run_videos(shop: Workshop, plan: Plan, fail: Callable[[str], None]) -> Outcome:
    """Cut all videos of a plan; ``fail`` is given a line for each that fails.

    Raises :class:`OmzError` where there is but one input, and that fails.
    """
    outcome = Outcome()
    is_alone = len(plan.videos) == 1 and not plan.pictures and shop.request.part is None
    with open_finished_videos(shop, plan.videos, is_alone) as finished:
        for item, outputs in plan.videos.items():
            kept = shop.finished.get(_FRAMES, 0)
            try:
                outcome += _run_video(shop, plan, item, outputs, finished, fail)
            except OmzError as error:
                if count := shop.finished.get(_FRAMES, 0) - kept:
                    shop.say(f"{count} frames of {item.source} are finished; --resume goes on after them")
                if len(plan.videos) == 1 and not plan.pictures:
                    raise
                fail(str(error) if item.source in str(error) else f"{item.source}: {error}")
                outcome += Outcome(failed=1)
    return outcome


def _run_video(
    shop: Workshop, plan: Plan, item: Input, outputs: Outputs, finished: FinishedVideos, fail: Callable[[str], None]
) -> Outcome:
    files = tuple(outputs.values())
    before = finished.before(item, outputs)
    if before is not None:
        if before.error:
            fail(before.error)
        return Outcome(failed=bool(before.error), skipped=not before.error, outputs=files)
    started = time.perf_counter()
    result = _cut(shop, plan, item, outputs)
    finished.add(item, outputs, result, time.perf_counter() - started)
    if result.problem:
        fail(result.problem)
    return Outcome(
        done=not result.problem, failed=bool(result.problem), frames=result.frames - result.before, outputs=files
    )


def _cut(shop: Workshop, plan: Plan, item: Input, outputs: Outputs) -> ClipResult:
    request = shop.request
    formats = {what: plan.formats[path] for what, path in outputs.items()}
    piped = plan.stdin if item.kind == "stdin" else None
    source = piped_source(shop, piped) if isinstance(piped, StdinVideo) else file_source(shop, item.path)
    shop.matter = shop.matter.at((source.first.picture.shape[0], source.first.picture.shape[1]))
    clip = Clip(
        source.info,
        source.read,
        outputs,
        formats,
        {**shop.depends_on(video=True), "input": source.stamp},
        max(1, round(request.segment_seconds * source.info.rate)),
        request.limit or None,
        source.sound if request.sound else None,
        request.resume,
        source.is_resumable,
    )

    def keep(frames: int) -> None:
        shop.finished[_FRAMES] = shop.finished.get(_FRAMES, 0) + frames

    with progress(item.path.name, clip.frames) as advance, ExitStack() as stack:
        look = _Look(shop, stack)
        dress = _Dressing(shop, source)
        return run_clip(clip, shop.cutter(follows=True), dress, shop.pool, shop.watch, shop.warn, keep, advance, look)


class _Dressing:
    """Gives frames their plate and target."""

    def __init__(self, shop: Workshop, source: VideoSource) -> None:
        self._shop, self._info, self._begin = shop, source.info, source.first.time
        self._is_told = False
        self._plates = None if source.plates is None else Plates(source.plates, shop.request.care, fixed=True)
        if self._plates:
            for note in self._plates.at(0, "", source.first.picture).notes:  # what fits the first frame fits all
                shop.warn(note)
        target = shop.target
        if isinstance(target, VideoTarget):  # which another video may have played
            target = VideoTarget(Path(str(shop.request.target)), shop.request.fit)
        self._target = target

    def __call__(self, frame: VideoFrame) -> Frame:
        """Return the frame as it goes through the demo."""
        size = frame.picture.shape[0], frame.picture.shape[1]
        plates = self._plates
        plate = None if plates is None else self._told(frame.index, plates.at(frame.index, "", frame.picture))
        seconds = float((frame.time - self._begin) * self._info.time_base)
        behind = None if self._target is None else self._target.at(frame.index, seconds, size)
        return Frame(frame.index, frame.picture, plate, behind, frame.time, frame.duration, frame.follows_damage)

    def _told(self, index: int, fitted: Fitted) -> Picture:
        """Return the plate of a frame; say of the first that could not be aligned why not."""
        if fitted.problem and not self._is_told:
            self._is_told = True
            self._shop.warn(f"frame {index}: {fitted.problem}; further frames are not told of")
        return fitted.plate


class _Look:
    """Looks at each cut: at the first, whether the plate is right; at all, where they are to be shown."""

    def __init__(self, shop: Workshop, stack: ExitStack) -> None:
        self._shop, self._first = shop, True
        self._window: Window | None = None
        if shop.request.show:
            self._window = Window()
            stack.callback(self._window.close)

    def __call__(self, cut: Cut, results: Mapping[What, Levels]) -> bool:
        """Return whether to go on."""
        if self._first:
            self._first = False
            for note in self._shop.look(cut):
                self._shop.warn(note)
        return self._window is None or self._shown(self._window, cut, results) is not Action.QUIT

    def _shown(self, window: Window, cut: Cut, results: Mapping[What, Levels]) -> Action:
        request = self._shop.request
        picture = on_screen(cut, results, request.show_with_original_frame, request.output_resolution)
        rate = 1e3 / max(1e-3, self._shop.watch.milliseconds.get("infer", 0.0) / self._shop.matter.requests)
        return window.show(picture, (f"{rate:.1f} fps",), always=request.metrics)
