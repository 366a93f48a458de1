"""A camera or a stream, on the screen and into a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path

from omz.errors import UsageError
from omz.images.arrays import Picture
from omz.images.files import read_picture
from omz.images.geometry import resize
from omz_demo.display import note
from omz_demo.frames import Cut, Frame
from omz_demo.inputs.camera import LiveSource, open_live
from omz_demo.inputs.capture import capture_plate
from omz_demo.inputs.discovery import Input
from omz_demo.inputs.shown_video import ShownVideo
from omz_demo.jobs.live import Live, Scene, save_snapshot
from omz_demo.jobs.segment_writing import for_video
from omz_demo.open_model_zoo_flags import GREEN
from omz_demo.outputs.names import Outputs
from omz_demo.outputs.rendering import render
from omz_demo.outputs.screen import on_screen
from omz_demo.outputs.window import KEYS, Action, Window, has_display
from omz_demo.plates import OnePlate
from omz_demo.run.outcome import Outcome
from omz_demo.run.video_sources import video_plates
from omz_demo.targets import PicturesInTurn, StillTarget, Target, colour
from omz_demo.video.formats import Format
from omz_demo.video.writing import VideoWriter
from omz_demo.workshop import Workshop

_PLATE = Path("omz_plate.png")


def run_live(shop: Workshop, item: Input, outputs: Outputs, formats: Mapping[Path, Format]) -> Outcome:
    """Cut a live source until somebody has had enough. Raises :class:`omz.errors.OmzError`."""
    request = shop.request
    if len(outputs) > 1:
        raise UsageError("one result of what is live can be recorded; name it with --what")
    with ExitStack() as stack:
        source = (
            ShownVideo(item.path, request.loop) if item.kind == "video" else stack.enter_context(open_live(item.source))
        )
        note(f"{source.name} gives {source.size[1]}x{source.size[0]}, {float(source.rate):g} frames a second")
        shop.sizes[source.size] = None
        window = _window(shop, bool(outputs))
        if window:
            stack.callback(window.close)
        take = partial(_take_plate, source, window)
        live = Live(
            source,
            Scene(_plate(shop, source, take), _targets(shop, source.time_base)),
            shop.cutter(follows=True),
            lambda cut: on_screen(cut, {"composite": render(cut, "composite")}, False, request.output_resolution),
            note,
            window,
            _writer(stack, source, outputs, formats),
            take if request.plate in (None, "camera") and item.kind != "video" else None,
            lambda picture: save_snapshot(picture, Path()),
            request.show_with_original_frame,
            request.limit or 0,
        )
        totals = live.run()
        if source.note:
            note(source.note)
    return Outcome(1, 0, 0, totals.shown, totals.dropped, tuple(outputs.values()))


def _window(shop: Workshop, is_recorded: bool) -> Window | None:
    """Open a window, unless nobody wants one, or there is no display and the result goes into a file."""
    show = shop.request.show
    if show is False or (show is None and is_recorded and not has_display()):
        if not is_recorded:
            raise UsageError("nothing is shown and nothing is written; name an --output")
        return None
    note(f"keys: {KEYS}")
    return Window()


def _targets(shop: Workshop, time_base: Fraction) -> Sequence[Callable[[Frame], Picture]]:
    """Return what can be behind the subject; a folder's pictures are taken one by one, a key goes on to the next."""
    target = shop.target or StillTarget(colour(GREEN), shop.request.fit)
    each = target.each() if isinstance(target, PicturesInTurn) else [target]
    return [partial(_behind, target, time_base) for target in each]


def _behind(target: Target, time_base: Fraction, frame: Frame) -> Picture:
    return target.at(frame.index, float(frame.time * time_base), (frame.picture.shape[0], frame.picture.shape[1]))


def _plate(shop: Workshop, source: LiveSource | ShownVideo, take: Callable[[], Picture | None]) -> Picture | None:
    if not shop.matter.matter.takes_plate:
        return None
    if isinstance(source, ShownVideo):
        plates = video_plates(shop.request.plate, source.path)
        if not isinstance(plates, OnePlate):
            raise UsageError(
                "a video that is only shown takes one plate; name a picture, first or median, or an --output"
            )
        return resize(plates.at(0, ""), source.size)
    if shop.request.plate not in (None, "camera"):
        return resize(read_picture(Path(str(shop.request.plate))), source.size)
    plate = take()
    if plate is None:
        raise UsageError("there is no plate; name one with --background, or wait until it is taken")
    return plate


def _take_plate(source: LiveSource | ShownVideo, window: Window | None) -> Picture | None:
    """Have the subject step out, and take the plate."""

    def show(picture: Picture, line: str) -> bool:
        return window is None or window.show(picture, (line,), always=True) is not Action.QUIT

    return capture_plate(source, show, _PLATE)


def _writer(
    stack: ExitStack, source: LiveSource | ShownVideo, outputs: Outputs, formats: Mapping[Path, Format]
) -> Callable[[Cut], None] | None:
    """Return what records each cut, None where nothing is recorded."""
    if not outputs:
        return None
    ((what, path),) = outputs.items()
    form = formats[path]
    if form.container is None:
        raise UsageError(f"{path}: what is live is recorded as a video; name a .mp4, .mov or .webm")
    rate = Fraction(source.rate).limit_denominator(1001)
    writer = stack.enter_context(VideoWriter(path, form, source.size, source.time_base, rate))
    return lambda cut: writer.write(for_video(render(cut, what), form), cut.frame.time)
