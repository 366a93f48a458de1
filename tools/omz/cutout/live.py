"""Live sources: matted as they come, shown and written until somebody has had enough."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Literal, Protocol, TypeAlias

import numpy as np

from omz.cutout.flags import GREEN
from omz.cutout.inputs import Input
from omz.cutout.names import Outputs, What
from omz.cutout.observer import Action, Observer
from omz.cutout.options import Options
from omz.cutout.plan import Plan
from omz.cutout.rendering import for_video, on_screen, render
from omz.cutout.session import Session
from omz.cutout.summary import Outcome
from omz.cutout.video_sources import video_plates
from omz.errors import UsageError, VideoError
from omz.images.arrays import Picture
from omz.images.files import write_picture
from omz.images.geometry import resize
from omz.images.sizes import size_text
from omz.images.transparency import without_gaps
from omz.matting.backgrounds import ImagesInTurn, ImageTarget, Target, colour
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.plate_capture import capture_plate
from omz.matting.plates import OnePlate, read_plate
from omz.video.camera import LiveSource, open_live
from omz.video.formats import ANIMATIONS, Format
from omz.video.reading import Playback, VideoFrame
from omz.video.writing import VideoWriter

End: TypeAlias = Literal["key", "interrupt", "limit", "source"]
Stream: TypeAlias = Callable[[Iterable[Frame]], Generator[MattedFrame | Failure, None, None]]

_COMPOSITE: What = "composite"
_PLATE = Path("omz_plate.png")
_FAR = 10.0  # levels that a plate may differ from the scene
_LONG = 3.0  # seconds that it may do so
_CLEAR = 0.05  # alpha of what is certainly the scene
_STEP = 4  # every fourth row and column tell enough
_ENOUGH = 100  # pixels of the scene that tell anything


def run_live(session: Session, item: Input, plan: Plan) -> Outcome:
    """Cut a live source until somebody has had enough. Raises :class:`omz.errors.OmzError`."""
    options, observer = session.options, session.tally.observer
    outputs = plan.videos.get(item, {})
    if len(outputs) > 1:
        raise UsageError("one result of a live source can be recorded; choose it with --what")
    with ExitStack() as stack:
        if item.kind == "video":
            source: LiveSource | Playback = Playback(item.path)
        else:
            source = stack.enter_context(open_live(item.source))
        observer.on_note(f"{source.name} gives {size_text(*source.size)}, {float(source.rate):g} frames a second")
        session.tally.sizes[source.size] = None
        looks = observer.watches(live=True, recorded=bool(outputs))
        if not looks and not outputs:
            raise UsageError("nothing is shown and nothing is written; name an --output")
        surroundings = Surroundings(_first_plate(session, source), _targets(session))
        if options.plate in (None, "camera") and not isinstance(source, Playback):
            surroundings.recapture = partial(take_plate, source, observer)
        begin = partial(session.stream, session.model, follows=True)
        recorder = _recorder(stack, source, outputs, plan.formats)
        repeats = options.loop and isinstance(source, Playback)
        totals = Live(source, surroundings, begin, options, observer, recorder, looks, repeats).run()
        if totals.end == "interrupt" and not totals.shown:
            raise KeyboardInterrupt
        if source.note:
            observer.on_note(source.note)
    return Outcome(1, 0, 0, totals.shown, totals.dropped, tuple(outputs.values()))


def _first_plate(session: Session, source: LiveSource | Playback) -> Picture | None:
    plate = session.options.plate
    if not session.takes_plate:
        return None
    if isinstance(source, Playback):
        plates = video_plates(plate, source.path, session.options.max_pixels)
        if not isinstance(plates, OnePlate):
            raise UsageError(
                "a video that is only shown takes one plate; name an image, first or median, or an --output"
            )
        return resize(without_gaps(plates.at(0, "")), source.size)
    if plate not in (None, "camera"):
        return resize(without_gaps(read_plate(Path(str(plate)), session.options.max_pixels)), source.size)
    taken = take_plate(source, session.tally.observer)
    if taken is None:
        raise UsageError("there is no plate; name one with --plate, or wait until it is taken")
    return taken


def take_plate(source: LiveSource, observer: Observer) -> Picture | None:
    """Have the subject step out, and take the plate; None if the user gives it up.

    Raises :class:`KeyboardInterrupt` if the observer stops the run.
    """

    def show(picture: Picture, line: str) -> bool:
        if observer.should_stop():
            raise KeyboardInterrupt
        return observer.on_frame(picture, (line,), pinned=True) is not Action.QUIT

    return capture_plate(source, show, _PLATE)


def _targets(session: Session) -> Sequence[Target]:
    """Return what can be behind the subject; a folder's pictures are taken one by one, a key goes on to the next."""
    target = session.target or ImageTarget(colour(GREEN), session.options.fit)
    if isinstance(target, ImagesInTurn):
        return target.each()
    return [target]


class Recorder:
    """Writer of one result of live frames."""

    def __init__(self, writer: VideoWriter, what: What, form: Format) -> None:
        self._writer, self._what, self._form = writer, what, form

    def write(self, matted: MattedFrame) -> None:
        """Write the result of a frame."""
        self._writer.write(for_video(render(matted.within_input(), self._what), self._form), matted.frame.time)


def _recorder(
    stack: ExitStack, source: LiveSource | Playback, outputs: Outputs, formats: Mapping[Path, Format]
) -> Recorder | None:
    if not outputs:
        return None
    ((what, path),) = outputs.items()
    form = formats[path]
    if form.container is None or path.suffix.lower() in ANIMATIONS:
        raise UsageError(f"{path}: a live source is recorded as a video; name a .mp4, .mov or .webm")
    rate = Fraction(source.rate).limit_denominator(1001)
    writer = stack.enter_context(VideoWriter(path, form, source.size, source.time_base, rate))
    return Recorder(writer, what, form)


class Source(Protocol):
    """Part of :class:`omz.video.camera.LiveSource` that the job needs."""

    dropped: int
    time_base: Fraction

    def __iter__(self) -> Iterator[VideoFrame]: ...
    def __next__(self) -> VideoFrame: ...

    def now(self) -> int:
        """Return the time, in the units of the frames'."""


@dataclass
class Surroundings:
    """Plate and targets of the frames of a live source; both may change while it runs.

    ``plate`` is None for a model that takes none; there is at least one of ``targets``. ``recapture`` takes a new
    plate, and returns None where it is given up; None where no plate can be taken.
    """

    plate: Picture | None
    targets: Sequence[Target]
    recapture: Callable[[], Picture | None] | None = None
    chosen: int = 0

    def arrange(self, source: Source) -> Generator[Frame, None, None]:
        """Yield frames with the plate and the target of the moment."""
        for frame in source:
            seconds, size = float(frame.time * source.time_base), (frame.picture.shape[0], frame.picture.shape[1])
            target = self.targets[self.chosen].at(frame.index, seconds, size)
            given = frame.time, frame.duration, frame.follows_damage
            yield Frame(frame.index, frame.picture, self.plate, target, *given).with_opacity(frame.opacity)

    def change_target(self) -> None:
        """Go on to the next target; after the last comes the first."""
        self.chosen = (self.chosen + 1) % len(self.targets)


@dataclass(frozen=True)
class LiveTotals:
    """Counts of a live source; ``seconds`` from its first frame asked for to its end, and why it ended."""

    shown: int
    dropped: int
    failed: int
    seconds: float
    end: End


@dataclass
class PlateWatch:
    """Watch for a plate that differs from the scene, since camera or light have changed."""

    since: float | None = None
    told: bool = False

    def is_off(self, matted: MattedFrame, now: float) -> bool:
        """Tell, once until it is right again, that the plate has been far from the scene for long; ``now`` in seconds.

        Far is a median difference above 10 levels where alpha is below 0.05; long is three seconds.
        """
        difference = drift(matted)
        if difference is None or difference <= _FAR:
            self.since, self.told = None, False
            return False
        if self.since is None:
            self.since = now
        if self.told or now - self.since < _LONG:
            return False
        self.told = True
        return True


@dataclass
class Live:
    """Run over a live source; ``observer`` sees frames if it ``looks``, and ``recorder`` writes them, if any.

    ``begin`` returns a stream that remembers no earlier frame. A source that ``repeats`` is iterated over again after
    its end, by a new stream.
    """

    source: Source
    surroundings: Surroundings
    begin: Callable[[], Stream]
    options: Options
    observer: Observer
    recorder: Recorder | None = None
    looks: bool = True
    repeats: bool = False
    _shown: int = field(default=0, init=False)
    _failures: Counter[str] = field(default_factory=Counter, init=False)
    _moments: deque[float] = field(default_factory=lambda: deque(maxlen=30), init=False)
    _watch: PlateWatch = field(default_factory=PlateWatch, init=False)

    def run(self) -> LiveTotals:
        """Go on until a key, Ctrl-C, the observer, the limit or the end of the source ends it; return the counts."""
        started, stream = monotonic(), self.begin()
        try:
            while (end := self._stretch(stream)) is None or (end == "source" and self.repeats):
                if end is None:
                    self._retake()
                else:
                    stream = self.begin()
        except KeyboardInterrupt:
            end = "interrupt"
        return LiveTotals(self._shown, self.source.dropped, self._failures.total(), monotonic() - started, end)

    def _stretch(self, stream: Stream) -> End | None:
        """Show what comes, as long as the plate stays; return why that ended, None where a new plate is wanted."""
        with closing(stream(self.surroundings.arrange(self.source))) as results:
            for result in results:
                wanted = Action.NONE
                if isinstance(result, Failure):
                    self._note(result)
                else:
                    wanted = self._take(result)
                if wanted is Action.QUIT:
                    return "key"
                if self.observer.should_stop():
                    return "interrupt"
                if self._shown == self.options.limit:
                    return "limit"
                if wanted is Action.RECAPTURE:
                    return None
        return "source"

    def _take(self, matted: MattedFrame) -> Action:
        if self.recorder is not None:
            self.recorder.write(matted)
        self._shown += 1
        self._moments.append(monotonic())
        if self._watch.is_off(matted, self._moments[-1]):
            self.observer.on_warning("the scene no longer looks like the plate; retake the plate (space)")
        return self._show(matted) if self.looks else Action.NONE

    def _show(self, matted: MattedFrame) -> Action:
        shown = matted.within_input()
        options, results = self.options, {_COMPOSITE: render(shown, _COMPOSITE)}
        picture = on_screen(shown, results, options.show_with_original_frame, options.output_resolution)
        wanted = self.observer.on_frame(picture, self._lines(matted.frame))
        if wanted is Action.BACKGROUND:
            self.surroundings.change_target()
        if wanted is Action.SNAPSHOT:
            self.observer.on_note(f"snapshot: {save_snapshot(picture, Path())}")
        return wanted

    def _retake(self) -> None:
        """Take a new plate where that can be done; the old one stays where it fails."""
        if self.surroundings.recapture is None or self.surroundings.plate is None:
            self.observer.on_note("there is no plate to retake: the model takes none, or it came from a file")
            return
        try:
            plate = self.surroundings.recapture()
        except VideoError as error:
            self.observer.on_warning(f"{error}; the old plate stays")
            return
        if plate is not None:
            self.surroundings.plate = plate
            self._watch = PlateWatch()

    def _note(self, failure: Failure) -> None:
        """Warn that a frame could not be matted, once for all frames with this error."""
        message = str(failure.error)
        self._failures[message] += 1
        if self._failures[message] == 1:
            self.observer.on_warning(f"frame {failure.index}: {message}")

    def _lines(self, frame: Frame) -> tuple[str, ...]:
        passed = self._moments[-1] - self._moments[0]
        rate = (len(self._moments) - 1) / passed if passed else 0.0
        age = float((self.source.now() - frame.time) * self.source.time_base)
        return f"{rate:.1f} fps", f"{1e3 * age:.0f} ms old", f"{self.source.dropped} dropped"


def drift(matted: MattedFrame) -> float | None:
    """Return the median difference between picture and plate, in levels, where alpha is below 0.05; None: unknown."""
    if matted.frame.plate is None:
        return None
    part = np.s_[::_STEP, ::_STEP]
    clear = matted.alpha[part] < _CLEAR * np.iinfo(matted.alpha.dtype).max
    if np.count_nonzero(clear) < _ENOUGH:
        return None
    picture = matted.frame.picture[part][clear].astype(np.int16)
    plate = matted.frame.plate[part][clear].astype(np.int16)
    return float(np.median(np.abs(picture - plate)))


def save_snapshot(picture: Picture, folder: Path) -> Path:
    """Write a picture below ``folder`` under the next free of the names ``snapshot_0001.png`` and so on; return it."""
    number = 1
    while (path := folder / f"snapshot_{number:04d}.png").exists():
        number += 1
    write_picture(path, picture)
    return path
