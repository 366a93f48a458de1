"""Times that increase, whatever a file says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Clock:
    """Times of frames or packets, in order: their own as long as these increase.

    What has no time, or one that stands still or goes back, follows what was before, ``step`` units later; so does all
    that comes after it, at its own distances, until the file's times are ahead again. A time more than ``longest``
    ahead counts as one that goes back: the clock of the file was set anew. ``moves`` are the distances by
    which another stream of the file was moved where it went back: if one is near, it is taken, and both stay together.
    """

    step: Fraction = Fraction(1)
    last: int | None = None
    moves: Sequence[int] = ()
    near: int = 0
    longest: int | None = None
    _lasts: Fraction | None = field(default=None, init=False)
    _moved: int = field(default=0, init=False)

    def __call__(self, time: int | None, duration: Fraction | None = None) -> int:
        """Return the time of the next; its ``duration`` takes the place of the step, if that is known."""
        found = self._next(time)
        self.last, self._lasts = found, duration
        return found

    def _next(self, time: int | None) -> int:
        if self.last is None:
            return time or 0
        following = self.last + max(1, round(self._lasts or self.step))
        if time is None:
            return following
        for moved in sorted((0, self._moved)):  # a clock that was set far ahead is so later, too
            if self._follows(time + moved):
                self._moved = moved
                return time + moved
        self._moved = self._move(time, following)
        return time + self._moved

    def _follows(self, time: int) -> bool:
        assert self.last is not None
        return self.last < time and (self.longest is None or time <= self.last + self.longest)

    def _move(self, time: int, following: int) -> int:
        own = following - time
        nearest = min(self.moves, key=lambda move: abs(move - own), default=own)
        is_near, last = abs(nearest - own) <= self.near, self.last or 0
        if not is_near and self.moves and time > last:  # a gap of this stream alone
            return 0
        return nearest if is_near and time + nearest > last else own
