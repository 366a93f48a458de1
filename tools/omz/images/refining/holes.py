"""Holes in a subject, filled where the picture shows that they are not real."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Field
from omz.images.refining.evidence import disc

_REACH = 1 / 80  # of the longer side: a gap up to twice as wide is bridged
_DIFFERS = (2.0, 4.0)  # times the noise: from the first on it may be the subject, from the second it is
_DOUBTED = (0.05, 0.3)  # alphas: a network that gives the first has seen a gap, one that gives the second has doubts
_WINDOW = 7  # pixels
_NEARLY_ALL = 0.8  # share of such a gap that has to differ from the plate
_OPEN = 15 / 16  # an alpha below which a pixel counts as part of a hole
_SMALL = 0.002  # of the subject: a hole too small to be told from noise


def fill_holes(alpha: Alpha, difference: Field, is_shaded: NDArray[np.bool_], side: int) -> Alpha:
    """Return ``alpha`` (H, W) with holes filled inside the subject, by the ``difference`` from the plate, in noise.

    A hole in the matte of a subject that has the plate's colour looks like a hole through which the plate is seen. In
    the second, picture and plate differ by their noise alone; in the first, hardly ever. A shadow differs, too, so that
    a gap in which the network sees nothing stays, unless nearly all of it differs, and not as ``is_shaded`` (H, W)
    plate; so does one that is open to the edge of the image, as between legs. Holes that are small against the subject
    are filled in both cases. ``side`` is the longer side of the image, of which these may be a part.
    """
    high = _DIFFERS[1]
    share = cv2.blur(_rising(difference, _DIFFERS), (_WINDOW, _WINDOW))  # half of the window is enough
    share *= 2
    differs = (difference > high) & ~is_shaded
    inside = _inside(alpha, differs, max(2, round(side * _REACH)))
    doubted = _rising(alpha, _DOUBTED)
    doubted[_mostly((doubted < 1) & (inside > 0), differs)] = 1
    filled = np.maximum(alpha, np.minimum(share, 1) * inside * doubted)
    small = _small_holes(filled)
    return filled if small is None else np.where(small, np.float32(1), filled)


def _rising(field: Field, limits: tuple[float, float]) -> Field:
    """Return 0 up to the first of the ``limits``, 1 from the second on, and a straight line between them."""
    low, high = limits
    rising: Field = np.clip((field - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return rising


def _inside(alpha: Alpha, differs: NDArray[np.bool_], reach: int) -> Field:
    """Return 1 inside the outline of the subject, gaps up to twice ``reach`` bridged and its holes filled, else 0.

    Holes that are open to the edge of the image, between two parts of the subject that reach it, belong to it where
    nearly all of each ``differs`` (H, W) from the plate.
    """
    solid = (alpha > 0.5).astype(np.uint8)
    around = cv2.copyMakeBorder(solid, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(around, cv2.MORPH_CLOSE, disc(reach))[reach:-reach, reach:-reach]
    framed = cv2.copyMakeBorder(closed, 2, 2, 2, 2, cv2.BORDER_CONSTANT)
    outline, bridged = _enclosed(framed), framed.copy()
    _, labels = cv2.connectedComponents(closed, connectivity=8)
    for number, at in ((0, 1), (-1, -2)):
        bridged[at, 2:-2] = _bridged(labels[number])
        bridged[2:-2, at] = _bridged(labels[:, number])
    if cv2.norm(bridged, framed, cv2.NORM_INF):
        outline |= _mostly(_enclosed(bridged) & ~outline, differs)
    inner = cv2.erode(outline.astype(np.uint8), disc(max(2, reach // 2)))
    return cv2.GaussianBlur(inner.astype(np.float32), (0, 0), 2) * outline


def _mostly(holes: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return those ``holes`` (H, W) of which nearly all lies in a ``mask``."""
    if not holes.any():
        return holes
    count, labels = cv2.connectedComponents(holes.astype(np.uint8), connectivity=8)
    there = np.flatnonzero(labels)
    numbers = labels.take(there)
    area, part = np.bincount(numbers, minlength=count), np.bincount(numbers[mask.take(there)], minlength=count)
    chosen = part > _NEARLY_ALL * area
    chosen[0] = False  # what is no hole
    return chosen[labels]


def _enclosed(framed: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return what lies inside a mask with a frame of two pixels, which stays as it is, without the frame."""
    flooded = framed.copy()
    cv2.floodFill(flooded, None, (0, 0), 2)
    enclosed: NDArray[np.bool_] = flooded[2:-2, 2:-2] != 2
    return enclosed


def _bridged(labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return 1 along an edge of the image where it crosses a part of the subject, or a gap in one.

    ``labels`` are those of the parts. A gap is shorter than what is beside it.
    """
    bridged = (labels > 0).astype(np.uint8)
    changes = np.flatnonzero(np.diff(labels > 0)) + 1
    runs = [run for run in np.split(np.arange(len(labels)), changes) if labels[run[0]]]
    for left, right in itertools.pairwise(runs):
        gap = right[0] - left[-1] - 1
        if labels[left[-1]] == labels[right[0]] and gap < len(left) + len(right):
            bridged[left[-1] : right[0]] = 1
    return bridged


def _small_holes(alpha: Alpha) -> NDArray[np.bool_] | None:
    """Return where holes are that cannot be told from noise; None if there are none."""
    count, labels = cv2.connectedComponents((alpha < _OPEN).astype(np.uint8), connectivity=4)
    areas = np.bincount(labels.ravel(), minlength=count)  # a quarter of the time that OpenCV takes with its statistics
    chosen = areas < _SMALL * cv2.countNonZero((alpha > 0.5).astype(np.uint8))
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        chosen[edge] = False
    chosen[0] = False  # what is no hole
    return chosen[labels] if chosen.any() else None
