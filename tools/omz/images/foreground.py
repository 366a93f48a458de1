"""Foreground estimation, for networks that give alpha only.

A pixel shows ``alpha * F + (1 - alpha) * B``: three equations for six unknowns, the foreground F and the background B.
The method of Germer, Uelwer, Conrad and Harmeling, "Fast Multi-Level Foreground Estimation", 2020, also asks that F and
B resemble those of the four neighbours, the more so the more alpha differs. It solves this for one pixel after another,
the neighbours held fixed, a few times on each level of a pyramid, from coarse to fine.

Three things differ here. Pixels are solved like the squares of a chessboard, all black ones at once, then all white
ones. Fine levels solve only the soft pixels, and those that the level below looks up. And the two finest ones solve only
where alpha is rough, as in hair: elsewhere, the colours found at a quarter of the size, moved so far that they explain a
pixel, are as good.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import ImageError
from omz.images.arrays import Alpha, AnyAlpha, Colours, Picture, Pixels

_Mask = NDArray[np.uint8]  # (H, W), 0 or 1
_Values = NDArray[np.float32]  # a row for each channel
_Places = NDArray[np.intp]  # flat indices

_HARD = 1 / 254  # at alpha 1 or 254 of 255, colours change a composite by no more than a level
_REGULARIZATION = 0.05  # weight of a neighbour of equal alpha; the paper's 1e-5 makes more of errors of alpha
_ROUGH = 0.05  # difference from the mean of nine from which on alpha is not smooth
_LEAST = 1e-6  # weight of a pixel in a mean to which it does not belong
_WHOLE = 1 << 14  # a level with at most this many pixels is solved everywhere
_COARSEST = 8  # longer side of the coarsest level, at most
_SMALL = 32  # longer side of a level on which more sweeps cost little, at most
_STRIP = 1 << 17  # pixels that are solved together, about: bounds the memory
_ROWS = 4  # rows of a level that are enlarged together
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_LOOKED_UP = np.ones((4, 4), np.uint8)  # two pixels, and one on either side


def estimate_foreground(picture: Picture, alpha: Alpha) -> Colours:
    """Estimate the subject's own colours, without the old background that shows through where alpha is below 1.

    ``picture`` is (H, W, 3) uint8 BGR, ``alpha`` (H, W) float32; the result is (H, W, 3) float32 BGR, 0 to 1. It is
    the picture where alpha is 1, and continues the subject smoothly where alpha is 0. Raises :class:`ImageError` if the
    two differ in size. It needs up to 30 bytes a pixel, and 50 MB. Threads may call it at the same time.

    >>> picture = np.full((2, 3, 3), 51, np.uint8)
    >>> estimate_foreground(picture, np.ones((2, 3), np.float32))[0, 0].round(2)
    array([0.2, 0.2, 0.2], dtype=float32)
    """
    backdrop, strips = _estimate(picture, alpha)
    estimate = _unit(backdrop)
    for places, foreground in strips:
        _put(estimate, places, foreground.T)
    return estimate


def foreground_levels(picture: Picture, alpha: Pixels) -> Picture:
    """Return the foreground of :func:`estimate_foreground` for ``alpha`` (H, W) uint8 or uint16, rounded to uint8 BGR.

    It needs up to 6 bytes a pixel, and 50 MB.
    """
    levels, strips = _estimate(picture, alpha)
    if levels is picture:
        levels = picture.copy()
    for places, foreground in strips:
        _put(levels, places, cv2.convertScaleAbs(np.ascontiguousarray(foreground.T), alpha=255))
    return levels


def _put(image: Pixels | Colours, places: _Places, colours: Pixels | Colours) -> None:
    """Put ``colours`` (N, 3) at flat places of an ``image`` (H, W, 3): as wholes, four times as fast as numbers."""
    whole = np.dtype((np.void, 3 * image.itemsize))
    np.put(image.view(whole), places, np.ascontiguousarray(colours).view(whole))


def _estimate(picture: Picture, alpha: AnyAlpha) -> tuple[Picture, Iterator[tuple[_Places, _Values]]]:
    """Return the foreground where alpha is hard, and where it is soft: flat places, and the colours (3, N) there."""
    if picture.shape != (*alpha.shape, 3) or not alpha.size:
        raise ImageError(f"image {list(picture.shape)} and alpha {list(alpha.shape)} differ in size")
    picture, alpha = np.ascontiguousarray(picture), np.ascontiguousarray(alpha)
    low, high = _limits(alpha)
    visible = (alpha > low).view(np.uint8)
    soft = (alpha < high).view(np.uint8)
    soft &= visible
    count = cv2.countNonZero(visible)
    if count == 0 or (count == alpha.size and not cv2.countNonZero(soft)):
        return picture, iter(())
    matted = _Matted(picture, alpha)
    *_, shared = levels = _levels(soft)
    solved = backdrop = _means(matted, shared)
    for level in reversed(levels):
        solved = _solve(matted, level, solved)
        if level.is_whole:
            backdrop = solved
    if count < alpha.size:
        picture = _before(backdrop, picture, visible)
    return picture, _soft_strips(matted, soft, solved)


def _soft_strips(matted: _Matted, soft: _Mask, solved: _Solved) -> Iterator[tuple[_Places, _Values]]:
    """Yield flat places of ``soft`` pixels (H, W), and the colours (3, N) there, given a level that is ``solved``.

    Where alpha is smooth, colours of that level need but explain the picture. Where it is not, as in hair, neighbours
    tell of each other, and the levels in between are solved, too.
    """
    rough = _rough(matted.alpha) & soft
    yield from _explained(matted, soft ^ rough, solved)
    if cv2.countNonZero(rough):
        between = _coarser(rough)
        if solved.step > between.step:
            solved = _solve(matted, between, solved)
        for strip in _solved_strips(matted, _Level(1, rough), solved):
            yield strip.places, strip.own(3)


def _rough(alpha: AnyAlpha) -> _Mask:
    """Return 1 where alpha is not the mean of those around it, 0 elsewhere."""
    full = _full(alpha)
    least = _ROUGH * full
    if full == 1:
        alpha = np.fmin(np.fmax(alpha, 0), 1)  # NaN, which would spread, becomes 0
    else:
        least = math.floor(least)
    return (cv2.absdiff(alpha, cv2.blur(alpha, (3, 3))) > least).view(np.uint8)


def _explained(matted: _Matted, soft: _Mask, solved: _Solved) -> Iterator[tuple[_Places, _Values]]:
    """Yield places of pixels, and the nearest foreground that is ``solved``, moved so far that it explains the picture."""
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


def _limits(alpha: AnyAlpha) -> tuple[float, float]:
    """Return the alpha up to which a pixel is background, and that from which on it is foreground."""
    full = _full(alpha)
    if full == 1:
        return _HARD, 1 - _HARD
    return math.floor(full * _HARD), math.ceil(full * (1 - _HARD))  # integers are compared several times as fast


def _full(alpha: AnyAlpha) -> float:
    return 1 if alpha.dtype.kind == "f" else int(np.iinfo(alpha.dtype).max)


@dataclass(frozen=True)
class _Matted:
    """A picture and its alpha. A level with ``step`` 2 has every second row and column of them, and so on."""

    picture: Picture
    alpha: AnyAlpha

    def at(self, y: _Places, x: _Places, step: int) -> tuple[_Values, _Values]:
        """Return the colours (3, N) and alpha (N,), 0 to 1, of pixels of a level."""
        places = y * (step * self.alpha.shape[1]) + x * step
        colours = self.picture.reshape(-1, 3).take(places, axis=0)
        alpha = self.alpha.reshape(-1).take(places)
        if alpha.dtype != np.float32:
            alpha = alpha.astype(np.float32) * np.float32(1 / _full(alpha))
        return _unit(colours.T.copy()), np.fmin(np.fmax(alpha, 0), 1)  # NaN becomes 0


@dataclass(frozen=True)
class _Level:
    """A level of the pyramid, and which of its pixels are wanted."""

    step: int
    wanted: _Mask

    @property
    def is_whole(self) -> bool:
        return self.wanted.size <= _WHOLE

    @property
    def sweeps(self) -> int:
        if self.step == 1:
            return 1
        return 2 if max(self.wanted.shape) > _SMALL else 12


@dataclass(frozen=True)
class _Solved:
    """A solved level: foreground and background (6, N), and the column (H, W) in them of every wanted pixel."""

    step: int
    values: _Values
    columns: NDArray[np.int32]

    def at(self, y: _Places, x: _Places) -> _Values:
        return self.values.take(self.columns.reshape(-1).take(y * self.columns.shape[1] + x), axis=1)


def _levels(soft: _Mask) -> list[_Level]:
    """Return the levels that are solved for all ``soft`` pixels (H, W), finest first.

    A level wants what the wanted pixels below it and their neighbours look up.
    """
    levels = [_coarser(soft)]
    while max(levels[-1].wanted.shape) > _COARSEST:
        levels.append(_coarser(levels[-1].wanted, levels[-1].step))
    return levels[1:] or levels


def _coarser(wanted: _Mask, step: int = 1) -> _Level:
    """Return the level above the one with a ``step`` whose pixels are ``wanted`` (H, W)."""
    coarser = cv2.dilate(wanted, _LOOKED_UP, anchor=(1, 1))[::2, ::2]
    if coarser.size <= _WHOLE:
        coarser = np.ones_like(coarser)
    return _Level(2 * step, np.ascontiguousarray(coarser))


def _means(matted: _Matted, level: _Level) -> _Solved:
    """Return the level above the coarsest: the mean foreground and background everywhere."""
    y, x = np.indices(level.wanted.shape).reshape(2, -1)
    colours, alpha = matted.at(y, x, level.step)
    shares = np.stack([alpha**2, (1 - alpha) ** 2]) + np.float32(_LEAST)
    means = (colours * shares[:, None]).sum(axis=2) / shares.sum(axis=1, keepdims=True)
    halved = [-(-side // 2) for side in level.wanted.shape]
    return _Solved(2 * level.step, means.reshape(6, 1), np.zeros(halved, np.int32))


def _solve(matted: _Matted, level: _Level, coarser: _Solved) -> _Solved:
    values = np.empty((6, cv2.countNonZero(level.wanted)), np.float32)
    columns = np.zeros(level.wanted.shape, np.int32)
    start = 0
    for strip in _solved_strips(matted, level, coarser):
        stop = start + len(strip.places)
        values[:, start:stop] = strip.own(6)
        columns.reshape(-1)[strip.places] = np.arange(start, stop, dtype=np.int32)
        start = stop
    return _Solved(level.step, values, columns)


def _solved_strips(matted: _Matted, level: _Level, coarser: _Solved) -> Iterator[_Strip]:
    for top, bottom in _strips(level.wanted):
        strip = _Strip(matted, level, coarser, top, bottom)
        for _ in range(level.sweeps):
            strip.sweep()
        yield strip


def _strips(wanted: _Mask) -> list[tuple[int, int]]:
    """Return the first row, and the one after the last, of strips that have about as many wanted pixels each."""
    until = np.cumsum(cv2.reduce(wanted, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S))
    if not until[-1]:
        return []
    tops = np.searchsorted(until, np.arange(0, until[-1], _STRIP), side="right")
    end = np.searchsorted(until, until[-1]) + 1
    return list(itertools.pairwise([*np.unique(tops).tolist(), int(end)]))


class _Strip:
    """The wanted pixels of some rows of a level: its own, at the flat ``places``.

    They are solved together with so many rows around them that the result is the same as that of the whole level, and
    with the pixels next to them, which stay as they are on the coarser level.
    """

    def __init__(self, matted: _Matted, level: _Level, coarser: _Solved, top: int, bottom: int) -> None:
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
        for half in self._halves:
            self._values[:, half.pixels] = half.solved(self._values)

    def own(self, channels: int) -> _Values:
        """Return the first so many channels of its own pixels: 3 are the foreground, 6 the background, too."""
        return self._values[:channels].take(self._own, axis=1)


class _Half:
    """Pixels of a strip on squares of one colour, which do not depend on each other."""

    def __init__(self, colours: _Values, alpha: _Values, pixels: slice, near: _Places) -> None:
        self.pixels = pixels
        self._colours = colours
        self._near = near
        own = alpha[pixels]
        self._shares = np.stack([own, 1 - own])
        weights = np.abs(alpha.take(near) - own) + np.float32(_REGULARIZATION)
        total = weights.sum(axis=0)
        self._weights = weights / total
        self._gain = 1 / (total + (self._shares**2).sum(axis=0))

    def solved(self, values: _Values) -> _Values:
        """Return the new values of the pixels, given those of all pixels of the strip."""
        mean = values.take(self._near[0], axis=1)
        mean *= self._weights[0]
        for near, weight in zip(self._near[1:], self._weights[1:], strict=True):
            share = values.take(near, axis=1)
            share *= weight
            mean += share
        _explain(self._colours, mean, self._shares, self._gain)
        return mean


def _explain(colours: _Values, values: _Values, shares: _Values, gain: _Values) -> None:
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


def _rest(colours: _Values, values: _Values, shares: _Values, gain: _Values) -> _Values:
    """Return ``g r`` of :func:`_explain`, (3, N)."""
    rest = colours - values[:3] * shares[0]
    rest -= values[3:] * shares[1]
    rest *= gain
    return rest


def _chessboard(wanted: _Mask) -> tuple[_Places, _Places, _Places]:
    """Return the flat places of the wanted pixels on black and on white squares, and of those next to them."""
    places = np.flatnonzero(cv2.dilate(wanted, _CROSS).view(np.bool_))
    is_wanted = wanted.reshape(-1).take(places).view(np.bool_)
    row = places // wanted.shape[1]
    column = places - row * wanted.shape[1]
    is_black = ((row ^ column) & 1).astype(np.bool_)
    return places[is_wanted & is_black], places[is_wanted & ~is_black], places[~is_wanted]


def _before(backdrop: _Solved, picture: Picture, visible: _Mask) -> Picture:
    """Return the picture where it is ``visible``, and elsewhere the foreground of a level that is solved everywhere."""
    foreground = backdrop.values[:3].take(backdrop.columns, axis=1).transpose(1, 2, 0)
    small = cv2.convertScaleAbs(np.ascontiguousarray(foreground), alpha=255).reshape(foreground.shape)
    rows, width = small.shape[0], picture.shape[1]
    step, result = backdrop.step, np.empty_like(picture)
    for top in range(0, rows, _ROWS):
        first = max(0, top - 1)  # enlargement looks at the rows beside its own
        near = small[first : top + _ROWS + 1]
        large = cv2.resize(near, (near.shape[1] * step, near.shape[0] * step), interpolation=cv2.INTER_LINEAR)
        part = slice(top * step, min((top + _ROWS) * step, len(picture)))
        behind = np.ascontiguousarray(large[(top - first) * step :][: part.stop - part.start, :width])
        result[part] = cv2.copyTo(picture[part], visible[part], behind)
    return result


def _unit(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.multiply(levels, np.float32(1 / 255), dtype=np.float32)
