"""Refinement of the alpha of a plate network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Colours, Field, Picture, Size
from omz.images.geometry import limit_side, resize
from omz.images.refining.band import Samples, project
from omz.images.refining.colours import carry_outwards
from omz.images.refining.evidence import Noise, difference_in_noise, disc, noise_level, trust_in_plate
from omz.images.refining.guided import guided_at
from omz.images.refining.holes import fill_holes
from omz.images.refining.islands import find_islands
from omz.images.refining.repairs import ALL_BUT_CLOSED_FORM, Refined, Repairs, Steps
from omz.images.refining.shadows import find_shadow, light_left
from omz.images.refining.tiles import Part, part_around

Places: TypeAlias = NDArray[np.intp]

_COARSE = 480  # pixels of the longer side of the copies that holes and shadows are searched in
_COLOURS = 1 / 2  # of their size: that of the copies that colours are carried in
_SEEN, _AROUND = 0.02, 24  # an alpha that belongs to something, and pixels of the copies around it that tell of it
_UNIT = np.float32(1 / 255)
_BAND = (0.02, 0.98)
_WIDER = 2  # pixels of the copies: true edges lie up to so far from the band that a network sees
_SOLID, _DEEP = 0.85, 5  # an alpha, and pixels of the copies inside its outline, where nothing is solved for again
_SURE, _INSIDE = 0.9, 2  # an alpha, and pixels of the copies inside its outline, that show the subject's own colour
_LEAST = 60  # pixels of the copies that make a subject
_GUIDED = 0.2  # share of the guided filter in the band
_TRUSTED = 0.5  # trust in a plate from which on it can tell an island from a thing
_HOLE, _PIXELS = 0.25, 4  # alpha that is missing, and pixels where it is, in a hole that counts
_STILL = 0.5  # an alpha below which a hole is still one


@dataclass(frozen=True)
class _Copies:
    """Small copies of an image, its plate and its alpha, or a part of each."""

    picture: Picture
    plate: Picture
    alpha: Alpha

    def within(self, part: Part) -> _Copies:
        """Return a ``part`` of all three."""
        return _Copies(self.picture[part.there], self.plate[part.there], self.alpha[part.there])


@dataclass(frozen=True)
class _Findings:
    """What is found in small copies: ``filled`` is added to alpha for holes, the sum multiplied by ``left``.

    The latter is below 1 in shadows, and 0 in islands. ``light`` is the share of the plate's light that the shadow
    leaves, ``own`` are the subject's colours, ``weight`` is above 0 in the band to solve for, and ``trust``, 0 to 1,
    says how well the plate fits.
    """

    filled: Field
    left: Field
    light: Field
    own: Colours
    weight: Field
    trust: float
    repairs: Repairs


def refine_by_plate(picture: Picture, plate: Picture, alpha: Alpha, steps: Steps = ALL_BUT_CLOSED_FORM) -> Refined:
    """Return ``alpha`` (H, W) with holes filled, islands dropped, shadows taken out, and the band solved for.

    ``picture`` and ``plate``, aligned, are (H, W, 3) BGR. What is far from any subject stays, and costs little.
    """
    size = limit_side(alpha.shape, _COARSE)
    copies = _Copies(resize(picture, size), resize(plate, size), resize(alpha, size))
    noise = noise_level(copies.picture, copies.plate, copies.alpha)
    part = part_around((copies.alpha > _SEEN).view(np.uint8), _AROUND)
    if part is None:
        return Refined(alpha)
    found = _find(copies.within(part), noise, size, steps)
    if found is None:
        return Refined(alpha)
    there = part.scaled(size, alpha.shape).there
    refined = alpha.copy()
    refined[there] = _refined(picture[there].copy(), plate[there].copy(), alpha[there], found)
    return Refined(refined, found.repairs)


def _refined(picture: Picture, plate: Picture, alpha: Alpha, found: _Findings) -> Alpha:
    """Return ``alpha`` (h, w), repaired and solved for by what was ``found``."""
    size = alpha.shape[0], alpha.shape[1]
    alpha = alpha + resize(found.filled, size)
    alpha *= resize(found.left, size)
    np.clip(alpha, 0, 1, out=alpha)
    flat, weight = alpha.reshape(-1), resize(found.weight, size).reshape(-1)
    places = np.flatnonzero(weight > _UNIT)
    weight = weight.take(places)
    before = flat.take(places)
    solved = _solved(picture, plate, before, places, found)
    solved -= before
    solved *= weight * np.float32(found.trust)
    solved += before
    flat[places] = solved
    smooth = guided_at(places, cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), alpha)
    smooth -= solved
    smooth *= weight * np.float32(_GUIDED)
    smooth += solved
    flat[places] = np.clip(smooth, 0, 1, out=smooth)
    return alpha


def _find(copies: _Copies, noise: Noise, whole: Size, steps: Steps) -> _Findings | None:
    """Return what is found in small ``copies`` of a part of an image, whose own has the size ``whole``.

    Without a subject, it is None.
    """
    new, old, small = copies.picture, copies.plate, copies.alpha
    seen, empty = new * _UNIT, old * _UNIT
    difference, light_there = difference_in_noise(new, old, noise), light_left(seen, empty, noise)
    filled = fill_holes(small, difference, light_there.is_shaded, max(whole)) if steps.holes else small
    inside = cv2.erode((filled > _SURE).astype(np.uint8), disc(_INSIDE)).astype(np.float32)
    if cv2.countNonZero(inside) < _LEAST:
        return None
    solid = cv2.erode((filled > _SOLID).astype(np.uint8), disc(_DEEP)).astype(np.float32)
    shallow = 1 - cv2.GaussianBlur(solid, (0, 0), 1)
    shadow = find_shadow(light_there, filled, whole)
    trust = trust_in_plate(noise)
    share = shadow.share * np.maximum(shallow, shadow.rim) * np.float32(trust)
    left = 1 - share
    islands, where = 0, np.zeros(small.shape, np.bool_)
    if steps.islands and trust > _TRUSTED:
        islands, where = find_islands(filled * left, difference, max(whole))
    repairs = _repairs(small, filled, share, islands, where, whole)
    left[where] = 0
    tiny = limit_side(small.shape, max(1, round(max(small.shape) * _COLOURS)))
    own = carry_outwards(resize(seen, tiny), resize(inside, tiny))
    return _Findings(filled - small, left, shadow.gain, own, _band(filled * left) * shallow, trust, repairs)


def _band(alpha: Alpha) -> Field:
    """Return the weight of the band to solve for in ``alpha`` (h, w), 0 to 1."""
    low, high = _BAND
    band = cv2.dilate(((alpha > low) & (alpha < high)).view(np.uint8), disc(_WIDER))
    return cv2.GaussianBlur(band.astype(np.float32), (0, 0), 1)


def _repairs(
    alpha: Alpha, filled: Alpha, shadow: Field, islands: int, where: NDArray[np.bool_], whole: Size
) -> Repairs:
    """Return what is repaired in ``alpha`` (h, w), whose holes are closed in ``filled``.

    ``shadow`` is the share of alpha that is taken out as shadow; ``islands`` is the number of those that are ``where``.
    """
    subject, shaded = float(filled.sum()), float((filled * shadow).sum()) / math.prod(whole)
    holes, added = 0, 0.0
    if filled is not alpha:
        holes, added = _count_holes(filled - alpha, filled)
    return Repairs(holes, added / subject, islands, float(filled[where].sum()) / subject, shaded)


def _count_holes(added: Alpha, filled: Alpha) -> tuple[int, float]:
    """Return the number of holes that are ``filled`` by what is ``added``, and how much alpha that is."""
    missing = (added > _HOLE).astype(np.uint8)
    if cv2.countNonZero(missing) < _PIXELS:
        return 0, 0.0
    _, labels = cv2.connectedComponents(missing, connectivity=8)
    there = np.flatnonzero(missing)
    numbers = labels.take(there)
    is_hole = np.bincount(numbers) >= _PIXELS
    least = cv2.erode(filled, np.ones((3, 3), np.uint8))
    is_hole[numbers[least.take(there) < _STILL]] = False  # the rim of one that stays
    is_hole[0] = False
    return int(is_hole.sum()), float(added.take(there[is_hole[numbers]]).sum())


def _solved(picture: Picture, plate: Picture, alpha: Field, places: Places, found: _Findings) -> Field:
    """Return ``alpha`` (N,) of flat places, solved for."""
    size = picture.shape[:2]
    own = _looked_up(found.own, places, size)
    light = _looked_up(found.light[..., None], places, size)
    seen, old = (image.reshape(-1, 3).take(places, axis=0).T.copy() * _UNIT for image in (picture, plate))
    old *= light
    return project(seen, old, own, alpha)


def _looked_up(field: NDArray[np.float32], places: Places, shape: tuple[int, ...]) -> Samples:
    """Return the values of a small ``field`` (h, w, channels) at flat places of an image of a ``shape``."""
    height, width, channels = field.shape
    rows = np.arange(shape[0]) * height // shape[0] * width
    columns = np.arange(shape[1]) * width // shape[1]
    row = places // shape[1]
    near = rows.take(row) + columns.take(places - row * shape[1])
    return np.ascontiguousarray(field.reshape(-1, channels).take(near, axis=0).T)
