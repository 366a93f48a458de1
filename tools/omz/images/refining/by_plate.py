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
from omz.images.refining.evidence import difference_in_noise, disc, noise_level
from omz.images.refining.guided import guided
from omz.images.refining.holes import fill_holes
from omz.images.refining.shadows import find_shadow

Places: TypeAlias = NDArray[np.intp]

_COARSE = 640  # pixels of the longer side of the copies that holes and shadows are searched in
_COLOURS = 320  # of those that colours are carried in
_UNIT = np.float32(1 / 255)
_BAND = (0.02, 0.98)
_WIDER = 5  # pixels of the copies: true edges lie up to so far from the band that a network sees
_SOLID, _DEEP = 0.85, 5  # an alpha, and pixels of the copies inside its outline, where nothing is solved for again
_SURE, _INSIDE = 0.9, 2  # an alpha, and pixels of the copies inside its outline, that show the subject's own colour
_LEAST = 60  # pixels of the copies that make a subject
_GUIDED = 0.5  # share of the guided filter in the band
_FITS = (5 / 255, 12 / 255)  # noise up to which a plate fits, and from which on it tells nothing of a pixel


@dataclass(frozen=True)
class _Findings:
    """What is found in small copies: ``filled`` is to be added to alpha, ``shadow`` to be taken away, a share of it.

    ``light`` is what the shadow leaves of the plate's, ``own`` the subject's colours, ``weight`` that of the band, and
    ``trust`` that of the plate.
    """

    filled: Field
    shadow: Field
    light: Field
    own: Colours
    weight: Field
    trust: float


def refine_by_plate(picture: Picture, plate: Picture, alpha: Alpha) -> Alpha:
    """Return ``alpha`` (H, W) with holes filled, shadows taken out, and the band solved for.

    ``picture`` and ``plate``, aligned, are (H, W, 3) BGR.
    """
    found = _find(picture, plate, alpha)
    if found is None:
        return alpha
    size = alpha.shape[0], alpha.shape[1]
    alpha = alpha + resize(found.filled, size)
    alpha *= 1 - resize(found.shadow, size)
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
    return np.clip(smooth, 0, 1, out=smooth)


def _find(picture: Picture, plate: Picture, alpha: Alpha) -> _Findings | None:
    """Return what is found in small copies; None without a subject."""
    size = limit_side(alpha.shape, _COARSE)
    new, old = resize(picture, size), resize(plate, size)
    seen, empty = new * _UNIT, old * _UNIT
    small = resize(alpha, size)
    noise = noise_level(new, old, small)
    filled = fill_holes(small, difference_in_noise(new, old, noise))
    inside = cv2.erode((filled > _SURE).astype(np.uint8), disc(_INSIDE)).astype(np.float32)
    if cv2.countNonZero(inside) < _LEAST:
        return None
    solid = cv2.erode((filled > _SOLID).astype(np.uint8), disc(_DEEP)).astype(np.float32)
    shallow = 1 - cv2.GaussianBlur(solid, (0, 0), 1)
    shadow = find_shadow(seen, empty, filled, noise)
    fits, fails = _FITS
    trust = float(np.clip((fails - noise.mean()) / (fails - fits), 0, 1))
    share = shadow.share * shallow * np.float32(trust)
    low, high = _BAND
    left = filled * (1 - share)
    band = cv2.dilate(((left > low) & (left < high)).astype(np.uint8), disc(_WIDER))
    weight = cv2.GaussianBlur(band.astype(np.float32), (0, 0), 1)
    tiny = limit_side(alpha.shape, _COLOURS)
    own = carry_outwards(resize(seen, tiny), resize(inside, tiny))
    return _Findings(filled - small, share, shadow.gain, own, weight * shallow, trust)


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
