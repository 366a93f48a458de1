"""The pyramid on which a foreground is solved; see :mod:`omz.images.foreground`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import AnyAlpha, Picture

Mask: TypeAlias = NDArray[np.uint8]
"""(H, W), 0 or 1."""
Values: TypeAlias = NDArray[np.float32]
"""A row for each channel."""
Places: TypeAlias = NDArray[np.intp]
"""Flat indices."""

_REGULARIZATION = 0.05  # weight of a neighbour of equal alpha; the paper's 1e-5 makes more of errors of alpha
_LEAST = 1e-6  # weight of a pixel in a mean to which it does not belong
_WHOLE = 1 << 14  # a level with at most this many pixels is solved everywhere
_COARSEST = 8  # longer side of the coarsest level, at most
_SMALL = 32  # longer side of a level on which more sweeps cost little, at most
_STRIP = 1 << 17  # pixels that are solved together, about: bounds the memory
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_LOOKED_UP = np.ones((4, 4), np.uint8)  # two pixels, and one on either side


def full_alpha(alpha: AnyAlpha) -> float:
    """Return the value of an opaque pixel."""
    return 1 if alpha.dtype.kind == "f" else int(np.iinfo(alpha.dtype).max)


@dataclass(frozen=True)
class Matted:
    """A picture and its alpha. A level with ``step`` 2 has every second row and column of them, and so on."""

    picture: Picture
    alpha: AnyAlpha

    def at(self, y: Places, x: Places, step: int) -> tuple[Values, Values]:
        """Return the colours (3, N) and alpha (N,), 0 to 1, of pixels of a level."""
        places = y * (step * self.alpha.shape[1]) + x * step
        colours = self.picture.reshape(-1, 3).take(places, axis=0)
        alpha = self.alpha.reshape(-1).take(places)
        if alpha.dtype != np.float32:
            alpha = alpha.astype(np.float32) * np.float32(1 / full_alpha(alpha))
        return unit(colours.T.copy()), np.fmin(np.fmax(alpha, 0), 1)  # NaN becomes 0


@dataclass(frozen=True)
class Level:
    """A level of the pyramid, and which of its pixels are wanted."""

    step: int
    wanted: Mask

    @property
    def is_whole(self) -> bool:
        """Whether the level is so small that all its pixels are wanted."""
        return self.wanted.size <= _WHOLE

    @property
    def sweeps(self) -> int:
        """How many times all pixels are solved."""
        if self.step == 1:
            return 1
        return 2 if max(self.wanted.shape) > _SMALL else 12


@dataclass(frozen=True)
class Solved:
    """A solved level: foreground and background (6, N), and the column (H, W) in them of every wanted pixel."""

    step: int
    values: Values
    columns: NDArray[np.int32]

    def at(self, y: Places, x: Places) -> Values:
        """Return the values (6, N) of wanted pixels."""
        return self.values.take(self.columns.reshape(-1).take(y * self.columns.shape[1] + x), axis=1)


def levels_for(soft: Mask) -> list[Level]:
    """Return the levels that are solved for all ``soft`` pixels (H, W), finest first.

    A level wants what the wanted pixels below it and their neighbours look up.
    """
    levels = [coarser_level(soft)]
    while max(levels[-1].wanted.shape) > _COARSEST:
        levels.append(coarser_level(levels[-1].wanted, levels[-1].step))
    return levels[1:] or levels


def coarser_level(wanted: Mask, step: int = 1) -> Level:
    """Return the level above the one with a ``step`` whose pixels are ``wanted`` (H, W)."""
    coarser = cv2.dilate(wanted, _LOOKED_UP, anchor=(1, 1))[::2, ::2]
    if coarser.size <= _WHOLE:
        coarser = np.ones_like(coarser)
    return Level(2 * step, np.ascontiguousarray(coarser))


def means(matted: Matted, level: Level) -> Solved:
    """Return the level above the coarsest: the mean foreground and background everywhere."""
    y, x = np.indices(level.wanted.shape).reshape(2, -1)
    colours, alpha = matted.at(y, x, level.step)
    shares = np.stack([alpha**2, (1 - alpha) ** 2]) + np.float32(_LEAST)
    means = (colours * shares[:, None]).sum(axis=2) / shares.sum(axis=1, keepdims=True)
    halved = [-(-side // 2) for side in level.wanted.shape]
    return Solved(2 * level.step, means.reshape(6, 1), np.zeros(halved, np.int32))


def solve(matted: Matted, level: Level, coarser: Solved) -> Solved:
    """Return a ``level`` solved, beginning with the values of a ``coarser`` one."""
    values = np.empty((6, cv2.countNonZero(level.wanted)), np.float32)
    columns = np.zeros(level.wanted.shape, np.int32)
    start = 0
    for strip in solved_strips(matted, level, coarser):
        stop = start + len(strip.places)
        values[:, start:stop] = strip.own(6)
        columns.reshape(-1)[strip.places] = np.arange(start, stop, dtype=np.int32)
        start = stop
    return Solved(level.step, values, columns)


def solved_strips(matted: Matted, level: Level, coarser: Solved) -> Iterator[Strip]:
    """Yield the strips of a ``level``, solved; see :func:`solve`."""
    for top, bottom in _strips(level.wanted):
        strip = Strip(matted, level, coarser, top, bottom)
        for _ in range(level.sweeps):
            strip.sweep()
        yield strip


def explained(matted: Matted, soft: Mask, solved: Solved) -> Iterator[tuple[Places, Values]]:
    """Yield flat places of ``soft`` pixels (H, W), and foreground (3, N) that explains them, near the ``solved``."""
    everywhere = np.flatnonzero(soft.view(np.bool_))
    for start in range(0, len(everywhere), _STRIP):
        places = everywhere[start : start + _STRIP]
        y = places // soft.shape[1]
        x = places - y * soft.shape[1]
        colours, alpha = matted.at(y, x, 1)
        values, shares = solved.at(y // solved.step, x // solved.step), np.stack([alpha, 1 - alpha])
        foreground = values[:3]
        foreground += _rest(colours, values, shares, 1 / (shares**2).sum(axis=0)) * shares[0]
        yield places, np.clip(foreground, 0, 1, out=foreground)


def _strips(wanted: Mask) -> list[tuple[int, int]]:
    """Return the first row, and the one after the last, of strips that have about as many wanted pixels each."""
    until = np.cumsum(cv2.reduce(wanted, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S))
    if not until[-1]:
        return []
    tops = np.searchsorted(until, np.arange(0, until[-1], _STRIP), side="right")
    end = np.searchsorted(until, until[-1]) + 1
    return list(itertools.pairwise([*np.unique(tops).tolist(), int(end)]))


class Strip:
    """The wanted pixels of some rows of a level: its own, at the flat ``places``.

    They are solved together with so many rows around them that the result is the same as that of the whole level, and
    with the pixels next to them, which stay as they are on the coarser level.
    """

    def __init__(self, matted: Matted, level: Level, coarser: Solved, top: int, bottom: int) -> None:
        height, width = level.wanted.shape
        margin = 2 * level.sweeps  # each half of a sweep carries values one row further
        first = max(0, top - margin) & ~1  # even, so that squares keep their colours
        wanted = cv2.copyMakeBorder(level.wanted[first : bottom + margin], 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        black, white, around = _chessboard(wanted)
        nodes = np.concatenate([black, white, around])
        row = nodes // wanted.shape[1]
        y = np.clip(row + (first - 1), 0, height - 1)
        x = np.clip(nodes - row * wanted.shape[1] - 1, 0, width - 1)
        colours, alpha = matted.at(y, x, level.step)
        smaller = coarser.step // level.step
        self._values = coarser.at(y // smaller, x // smaller)
        shares = np.stack([alpha, 1 - alpha])
        _explain(colours, self._values, shares, 1 / (shares**2).sum(axis=0))
        number = np.empty(wanted.size, np.int32)
        number[nodes] = np.arange(len(nodes), dtype=np.int32)
        ways = np.array([-1, 1, -wanted.shape[1], wanted.shape[1]])
        self._halves = []
        for start, pixels in ((0, black), (len(black), white)):
            near = number.take(pixels + ways[:, None]).astype(np.intp)
            half = slice(start, start + len(pixels))
            self._halves.append(_Half(colours[:, half], alpha, half, near))
        y = y[: len(black) + len(white)]
        self._own = np.flatnonzero((y >= top) & (y < bottom))
        self.places = (y * width + x[: len(y)]).take(self._own)

    def sweep(self) -> None:
        """Solve all pixels once, the black ones first."""
        for half in self._halves:
            self._values[:, half.pixels] = half.solved(self._values)

    def own(self, channels: int) -> Values:
        """Return the first so many channels of its own pixels: 3 are the foreground, 6 the background, too."""
        return self._values[:channels].take(self._own, axis=1)


class _Half:
    """Pixels of a strip on squares of one colour, which do not depend on each other."""

    def __init__(self, colours: Values, alpha: Values, pixels: slice, near: Places) -> None:
        self.pixels = pixels
        self._colours = colours
        self._near = near
        own = alpha[pixels]
        self._shares = np.stack([own, 1 - own])
        weights = np.abs(alpha.take(near) - own) + np.float32(_REGULARIZATION)
        total = weights.sum(axis=0)
        self._weights = weights / total
        self._gain = 1 / (total + (self._shares**2).sum(axis=0))

    def solved(self, values: Values) -> Values:
        """Return the new values of the pixels, given those of all pixels of the strip."""
        mean = values.take(self._near[0], axis=1)
        mean *= self._weights[0]
        for near, weight in zip(self._near[1:], self._weights[1:], strict=True):
            share = values.take(near, axis=1)
            share *= weight
            mean += share
        _explain(self._colours, mean, self._shares, self._gain)
        return mean


def _explain(colours: Values, values: Values, shares: Values, gain: Values) -> None:
    """Move foreground and background, the ``values`` (6, N), towards ones that give ``colours`` (3, N), in place.

    With alpha a and the values f and b, ``(a F + (1 - a) B - I)**2 + s (F - f)**2 + s (B - b)**2`` has its minimum at
    ``F = f + a g r`` and ``B = b + (1 - a) g r``, where ``r = I - a f - (1 - a) b`` and
    ``g = 1 / (s + a**2 + (1 - a)**2)``.
    ``shares`` (2, N) are a and 1 - a, ``gain`` (N,) is g.
    """
    rest = _rest(colours, values, shares, gain)
    values[:3] += rest * shares[0]
    values[3:] += rest * shares[1]
    np.clip(values, 0, 1, out=values)


def _rest(colours: Values, values: Values, shares: Values, gain: Values) -> Values:
    """Return ``g r`` of :func:`_explain`, (3, N)."""
    rest = colours - values[:3] * shares[0]
    rest -= values[3:] * shares[1]
    rest *= gain
    return rest


def _chessboard(wanted: Mask) -> tuple[Places, Places, Places]:
    """Return the flat places of the wanted pixels on black and on white squares, and of those next to them."""
    places = np.flatnonzero(cv2.dilate(wanted, _CROSS).view(np.bool_))
    is_wanted = wanted.reshape(-1).take(places).view(np.bool_)
    row = places // wanted.shape[1]
    column = places - row * wanted.shape[1]
    is_black = ((row ^ column) & 1).astype(np.bool_)
    return places[is_wanted & is_black], places[is_wanted & ~is_black], places[~is_wanted]


def unit(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return 0 to 255 as 0 to 1."""
    return np.multiply(levels, np.float32(1 / 255), dtype=np.float32)
