"""Refinement of the alpha of a plate network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Colours, Field, Picture, Size
from omz.images.geometry import limit_side, resize
from omz.images.refining.band import Samples, project
from omz.images.refining.colours import carry_outwards
from omz.images.refining.evidence import difference_in_noise, disc, noise_level, trust_in_plate
from omz.images.refining.guided import guided
from omz.images.refining.holes import fill_holes
from omz.images.refining.islands import find_islands
from omz.images.refining.repairs import ALL_BUT_CLOSED_FORM, Refined, Repairs, Steps
from omz.images.refining.shadows import find_shadow, light_left

Places: TypeAlias = NDArray[np.intp]

_COARSE = 640  # pixels of the longer side of the copies that holes and shadows are searched in
_COLOURS = 320  # of those that colours are carried in
_UNIT = np.float32(1 / 255)
_BAND = (0.02, 0.98)
_WIDER = 2  # pixels of the copies: true edges lie up to so far from the band that a network sees
_SOLID, _DEEP = 0.85, 5  # an alpha, and pixels of the copies inside its outline, where nothing is solved for again
_SURE, _INSIDE = 0.9, 2  # an alpha, and pixels of the copies inside its outline, that show the subject's own colour
_LEAST = 60  # pixels of the copies that make a subject
_GUIDED = 0.25  # share of the guided filter in the band
_TRUSTED = 0.5  # trust in a plate from which on it can tell an island from a thing
_HOLE, _PIXELS = 0.25, 4  # alpha that is missing, and pixels where it is, in a hole that counts
_STILL = 0.5  # an alpha below which a hole is still one


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

    ``picture`` and ``plate``, aligned, are (H, W, 3) BGR.
    """
    found = _find(picture, plate, alpha, steps)
    if found is None:
        return Refined(alpha)
    size = alpha.shape[0], alpha.shape[1]
    alpha = alpha + resize(found.filled, size)
    alpha *= resize(found.left, size)
    np.clip(alpha, 0, 1, out=alpha)
    weight = resize(found.weight, size)
    solved = _solved(picture, plate, alpha, weight, found)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) * _UNIT
    half: Size = (-(-size[0] // 2), -(-size[1] // 2))
    smooth = guided(grey, resize(solved, half))
    smooth -= solved
    smooth *= weight
    smooth *= np.float32(_GUIDED)
    smooth += solved
    return Refined(np.clip(smooth, 0, 1, out=smooth), found.repairs)


def _find(picture: Picture, plate: Picture, alpha: Alpha, steps: Steps) -> _Findings | None:
    """Return what is found in small copies; None without a subject."""
    size = limit_side(alpha.shape, _COARSE)
    new, old = resize(picture, size), resize(plate, size)
    seen, empty = new * _UNIT, old * _UNIT
    small = resize(alpha, size)
    noise = noise_level(new, old, small)
    difference, light_there = difference_in_noise(new, old, noise), light_left(seen, empty, noise)
    filled = fill_holes(small, difference, light_there.is_shaded) if steps.holes else small
    inside = cv2.erode((filled > _SURE).astype(np.uint8), disc(_INSIDE)).astype(np.float32)
    if cv2.countNonZero(inside) < _LEAST:
        return None
    solid = cv2.erode((filled > _SOLID).astype(np.uint8), disc(_DEEP)).astype(np.float32)
    shallow = 1 - cv2.GaussianBlur(solid, (0, 0), 1)
    shadow = find_shadow(light_there, filled)
    trust = trust_in_plate(noise)
    share = shadow.share * np.maximum(shallow, shadow.rim) * np.float32(trust)
    low, high = _BAND
    left = 1 - share
    islands, where = 0, np.zeros(size, np.bool_)
    if steps.islands and trust > _TRUSTED:
        islands, where = find_islands(filled * left, difference)
    repairs = _repairs(small, filled, share, islands, where)
    left[where] = 0
    rest = filled * left
    band = cv2.dilate(((rest > low) & (rest < high)).astype(np.uint8), disc(_WIDER))
    weight = cv2.GaussianBlur(band.astype(np.float32), (0, 0), 1)
    tiny = limit_side(alpha.shape, _COLOURS)
    own = carry_outwards(resize(seen, tiny), resize(inside, tiny))
    return _Findings(filled - small, left, shadow.gain, own, weight * shallow, trust, repairs)


def _repairs(alpha: Alpha, filled: Alpha, shadow: Field, islands: int, where: NDArray[np.bool_]) -> Repairs:
    """Return what is repaired in ``alpha`` (h, w), whose holes are closed in ``filled``.

    ``shadow`` is the share of alpha that is taken out as shadow; ``islands`` is the number of those that are ``where``.
    """
    subject, shaded = float(filled.sum()), float((filled * shadow).mean())
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


def _solved(picture: Picture, plate: Picture, alpha: Alpha, weight: Field, found: _Findings) -> Alpha:
    """Return ``alpha``, solved for in the band where ``weight`` is above 0."""
    places = np.flatnonzero(weight > _UNIT)
    own = _looked_up(found.own, places, alpha.shape)
    light = _looked_up(found.light[..., None], places, alpha.shape)
    before = alpha.reshape(-1).take(places)
    seen, old = (image.reshape(-1, 3).take(places, axis=0).T.copy() * _UNIT for image in (picture, plate))
    after = project(seen, old * light, own, before)
    after -= before
    after *= weight.reshape(-1).take(places)
    solved = alpha.copy()
    solved.reshape(-1)[places] = before + np.float32(found.trust) * after
    return solved


def _looked_up(field: NDArray[np.float32], places: Places, shape: tuple[int, ...]) -> Samples:
    """Return the values of a small ``field`` (h, w, channels) at flat places of an image of a ``shape``."""
    height, width, channels = field.shape
    rows = np.arange(shape[0]) * height // shape[0] * width
    columns = np.arange(shape[1]) * width // shape[1]
    row = places // shape[1]
    near = rows.take(row) + columns.take(places - row * shape[1])
    return np.ascontiguousarray(field.reshape(-1, channels).take(near, axis=0).T)
