"""Foreground estimation, for networks that give alpha only.

A pixel shows ``alpha * F + (1 - alpha) * B``: three equations for six unknowns, the foreground F and the background B.
The method of Germer, Uelwer, Conrad and Harmeling, "Fast Multi-Level Foreground Estimation", 2020, also asks that F and
B resemble those of the four neighbours, the more so the more alpha differs. It solves this for one pixel after another,
the neighbours held fixed, a few times on each level of a pyramid, from coarse to fine.

Three things differ here. Pixels are solved like the squares of a chessboard, all black ones at once, then all white
ones. Fine levels solve only the soft pixels, and those that the level below looks up. The two finest ones solve only
where alpha is rough, as in hair: elsewhere, the colours found at a quarter of the size are as good, once they are moved
so far that they explain a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from omz.errors import ImageError
from omz.images.arrays import Alpha, AnyAlpha, Colours, Picture, Pixels
from omz.images.foreground_pyramid import (
    Level,
    Mask,
    Matted,
    Places,
    Solved,
    Values,
    coarser_level,
    explained,
    full_alpha,
    levels_for,
    means,
    solve,
    solved_strips,
    unit,
)

_HARD = 1 / 254  # at alpha 1 or 254 of 255, colours change a composite by no more than a level
_ROUGH = 0.05  # difference from the mean of nine from which on alpha is not smooth
_ROWS = 4  # rows of a level that are enlarged together


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
    estimate = unit(backdrop)
    for places, foreground in strips:
        _put(estimate, places, foreground.T)
    return estimate


def foreground_levels(picture: Picture, alpha: Pixels, is_fine: bool = True) -> Picture:
    """Return the foreground of :func:`estimate_foreground` for ``alpha`` (H, W) uint8 or uint16, rounded to uint8 BGR.

    An alpha that is not ``is_fine``, such as an enlarged one, is taken for smooth everywhere: the two finest levels are
    left out, which saves a third of the time. It needs up to 6 bytes a pixel, and 50 MB.
    """
    levels, strips = _estimate(picture, alpha, is_fine)
    if levels is picture:
        levels = picture.copy()
    for places, foreground in strips:
        _put(levels, places, cv2.convertScaleAbs(np.ascontiguousarray(foreground.T), alpha=255))
    return levels


def _put(image: Pixels | Colours, places: Places, colours: Pixels | Colours) -> None:
    """Put ``colours`` (N, 3) at flat places of an ``image`` (H, W, 3): as wholes, four times as fast as numbers."""
    whole = np.dtype((np.void, 3 * image.itemsize))
    np.put(image.view(whole), places, np.ascontiguousarray(colours).view(whole))


def _estimate(
    picture: Picture, alpha: AnyAlpha, is_fine: bool = True
) -> tuple[Picture, Iterator[tuple[Places, Values]]]:
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
    matted = Matted(picture, alpha)
    *_, shared = levels = levels_for(soft)
    solved = backdrop = means(matted, shared)
    for level in reversed(levels):
        solved = solve(matted, level, solved)
        if level.is_whole:
            backdrop = solved
    if count < alpha.size:
        picture = _before(backdrop, picture, visible)
    rough = _rough(alpha) & soft if is_fine else np.zeros_like(soft)
    return picture, _soft_strips(matted, soft, rough, solved)


def _soft_strips(matted: Matted, soft: Mask, rough: Mask, solved: Solved) -> Iterator[tuple[Places, Values]]:
    """Yield flat places of ``soft`` pixels (H, W), and the colours (3, N) there, given a level that is ``solved``.

    Where alpha is smooth, colours of that level need but explain the picture. Where it is ``rough``, as in hair,
    neighbours tell of each other, and the levels in between are solved, too.
    """
    yield from explained(matted, soft ^ rough, solved)
    if cv2.countNonZero(rough):
        between = coarser_level(rough)
        if solved.step > between.step:
            solved = solve(matted, between, solved)
        for strip in solved_strips(matted, Level(1, rough), solved):
            yield strip.places, strip.own(3)


def _rough(alpha: AnyAlpha) -> Mask:
    """Return 1 where alpha is not the mean of those around it, 0 elsewhere."""
    full = full_alpha(alpha)
    least = _ROUGH * full
    if full == 1:
        alpha = np.fmin(np.fmax(alpha, 0), 1)  # NaN, which would spread, becomes 0
    else:
        least = math.floor(least)
    return (cv2.absdiff(alpha, cv2.blur(alpha, (3, 3))) > least).view(np.uint8)


def _limits(alpha: AnyAlpha) -> tuple[float, float]:
    """Return the alpha up to which a pixel is background, and that from which on it is foreground."""
    full = full_alpha(alpha)
    if full == 1:
        return _HARD, 1 - _HARD
    return math.floor(full * _HARD), math.ceil(full * (1 - _HARD))  # integers are compared several times as fast


def _before(backdrop: Solved, picture: Picture, visible: Mask) -> Picture:
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
