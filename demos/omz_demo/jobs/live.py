"""A live source: matted as it comes, shown and written until somebody has had enough."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np

from omz.errors import VideoError
from omz.images.arrays import Picture
from omz.images.files import write_picture
from omz_demo.frames import Cut, Failure, Frame
from omz_demo.outputs.window import Action, beside

Target: TypeAlias = Callable[[Frame], Picture | None]
End: TypeAlias = Literal["key", "interrupt", "limit", "source"]

_FAR = 10.0  # levels that a plate may differ from the scene
_LONG = 3.0  # seconds that it may do so
_CLEAR = 0.05  # alpha of what is certainly the scene
_STEP = 4  # every fourth row and column tell enough
_ENOUGH = 100  # pixels of the scene that tell anything


class Source(Protocol):
    """What :class:`omz_demo.inputs.camera.LiveSource` is to the job."""

    dropped: int
    time_base: Fraction

    def __iter__(self) -> Iterator[Frame]: ...
    def __next__(self) -> Frame: ...

    def now(self) -> int:
        """Return the time, in the units of the frames'."""


class Screen(Protocol):
    """What :class:`omz_demo.outputs.window.Window` is to the job."""

    def show(self, picture: Picture, lines: Sequence[str] = ()) -> Action:
        """Show a picture, with lines if they are asked for; return what the user wants."""


@dataclass
class Scene:
    """What the frames of a live source are matted against and placed before; both may change while it runs.

    ``plate`` is None for a model that takes none; a target is asked for each frame, and ``targets`` has one at least.
    """

    plate: Picture | None
    targets: Sequence[Target]
    chosen: int = 0

    def arrange(self, frames: Iterable[Frame]) -> Generator[Frame, None, None]:
        """Yield frames with the plate and the target of the moment."""
        for frame in frames:
            yield replace(frame, plate=self.plate, target=self.targets[self.chosen](frame))

    def change_target(self) -> None:
        """Go on to the next target; after the last comes the first."""
        self.chosen = (self.chosen + 1) % len(self.targets)


@dataclass(frozen=True)
class LiveTotals:
    """What became of a live source; ``seconds`` from its first frame asked for to its end, and why it ended."""

    shown: int
    dropped: int
    failed: int
    seconds: float
    end: End


@dataclass
class PlateWatch:
    """Notices that the plate is no longer the scene: camera or light have changed."""

    since: float | None = None
    told: bool = False

    def is_off(self, cut: Cut, now: float) -> bool:
        """Tell, once until it is right again, that the plate has been far from the scene for long; ``now`` in seconds.

        Far is a median difference above 10 levels where alpha is below 0.05; long is three seconds.
        """
        difference = drift(cut)
        if difference is None or difference <= _FAR:
            self.since, self.told = None, False
            return False
        self.since = now if self.since is None else self.since
        if self.told or now - self.since < _LONG:
            return False
        self.told = True
        return True


@dataclass
class Live:
    """A run over a live source; what is None is not there.

    ``stream`` mattes frames: results in order, and a :class:`Failure` where one has none. ``render`` makes the picture
    that is shown; ``with_original`` has the frame to its left. ``write`` records a cut. ``recapture`` takes a new
    plate, None where it is given up. ``snapshot`` keeps a picture. ``say`` tells the user a line.
    """

    source: Source
    scene: Scene
    stream: Callable[[Iterable[Frame]], Generator[Cut | Failure, None, None]]
    render: Callable[[Cut], Picture]
    say: Callable[[str], None]
    screen: Screen | None = None
    write: Callable[[Cut], None] | None = None
    recapture: Callable[[], Picture | None] | None = None
    snapshot: Callable[[Picture], Path] | None = None
    with_original: bool = False
    limit: int = 0
    clock: Callable[[], float] = time.monotonic
    _shown: int = field(default=0, init=False)
    _failures: dict[str, int] = field(default_factory=dict, init=False)
    _moments: deque[float] = field(default_factory=lambda: deque(maxlen=30), init=False)
    _watch: PlateWatch = field(default_factory=PlateWatch, init=False)

    def run(self) -> LiveTotals:
        """Go on until a key, Ctrl-C, the limit of frames (0: none) or the end of the source; return the counts."""
        started = self.clock()
        try:
            while (end := self._stretch()) is None:
                self._retake()
        except KeyboardInterrupt:
            end = "interrupt"
        failed = sum(self._failures.values())
        return LiveTotals(self._shown, self.source.dropped, failed, self.clock() - started, end)

    def _stretch(self) -> End | None:
        """Show what comes, as long as the plate stays; return why that ended, None where a new plate is wanted."""
        with closing(self.stream(self.scene.arrange(self.source))) as results:
            for result in results:
                if isinstance(result, Failure):
                    self._note(result)
                    continue
                wanted = self._take(result)
                if wanted is Action.QUIT:
                    return "key"
                if self._shown == self.limit:
                    return "limit"
                if wanted is Action.RECAPTURE:
                    return None
        return "source"

    def _take(self, cut: Cut) -> Action:
        picture = self.render(cut)
        if self.with_original:
            picture = beside(cut.frame.picture, picture)
        if self.write is not None:
            self.write(cut)
        self._shown += 1
        self._moments.append(self.clock())
        if self._watch.is_off(cut, self._moments[-1]):
            self.say("warning: the scene no longer looks like the plate; retake the plate (space)")
        wanted = Action.NONE if self.screen is None else self.screen.show(picture, self._lines(cut.frame))
        if wanted is Action.BACKGROUND:
            self.scene.change_target()
        if wanted is Action.SNAPSHOT and self.snapshot is not None:
            self.say(f"snapshot: {self.snapshot(picture)}")
        return wanted

    def _retake(self) -> None:
        """Take a new plate where that can be done; the old one stays where it fails."""
        if self.recapture is None or self.scene.plate is None:
            self.say("there is no plate to retake: the model takes none, or it came from a file")
            return
        try:
            plate = self.recapture()
        except VideoError as error:
            self.say(f"warning: {error}; the old plate stays")
            return
        if plate is not None:
            self.scene.plate = plate
            self._watch = PlateWatch()

    def _note(self, failure: Failure) -> None:
        """Tell what kept a frame from being matted, once for all frames that it happens to."""
        message = str(failure.error)
        self._failures[message] = self._failures.get(message, 0) + 1
        if self._failures[message] == 1:
            self.say(f"warning: frame {failure.index}: {message}")

    def _lines(self, frame: Frame) -> tuple[str, ...]:
        passed = self._moments[-1] - self._moments[0]
        rate = (len(self._moments) - 1) / passed if passed else 0.0
        age = float((self.source.now() - frame.time) * self.source.time_base)
        return f"{rate:.1f} fps", f"{1e3 * age:.0f} ms old", f"{self.source.dropped} dropped"


def drift(cut: Cut) -> float | None:
    """Return the median difference between picture and plate, in levels, where alpha is below 0.05; None: unknown."""
    if cut.frame.plate is None:
        return None
    part = np.s_[::_STEP, ::_STEP]
    clear = cut.alpha[part] < _CLEAR * np.iinfo(cut.alpha.dtype).max
    if np.count_nonzero(clear) < _ENOUGH:
        return None
    picture, plate = (each[part][clear].astype(np.int16) for each in (cut.frame.picture, cut.frame.plate))
    return float(np.median(np.abs(picture - plate)))


def save_snapshot(picture: Picture, folder: Path) -> Path:
    """Write a picture below ``folder`` under the next free of the names ``snapshot_0001.png`` and so on; return it."""
    number = 1
    while (path := folder / f"snapshot_{number:04d}.png").exists():
        number += 1
    write_picture(path, picture)
    return path
