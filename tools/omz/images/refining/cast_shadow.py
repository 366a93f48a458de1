"""The shadow that a subject casts, as a layer of black that can be put before any background."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.arrays import Alpha, Colours, Field, Picture
from omz.images.compositing import to_uint8
from omz.images.geometry import limit_side, resize
from omz.images.refining.evidence import Noise, disc, noise_level, trust_in_plate
from omz.images.refining.shadows import light_left

_SIDE = 640  # pixels of the longer side of the copies that it is measured in: shadows are soft
_WINDOW = 7  # pixels
_COARSE = 160  # pixels of the longer side of the copies that the usual light is measured in
_BLACK = 0.01  # sum of the squared colours of what is too dark to tell the light
_UNIT = np.float32(1 / 255)
_BACKGROUND = 0.1  # an alpha below which a pixel shows the background, more or less
_DARKEST, _BRIGHTEST = 0.25, 1.15  # the light left in a shadow, and in a pixel that tells something of the light
_DARK = 8.0  # times the noise: what is darker tells little of the light that is left
_USUAL = 0.75  # share of the background that is at most as bright as the light without a shadow
_FAINT, _SEEN = 0.02, 0.05  # darkness that no one sees, and that everyone sees
_SCALES = 12.0, 3.0  # pixels; the coarser one reaches below the subject's soft edge
_ENOUGH = 0.03  # weight from which on a scale is trusted
_LEAST = 60  # pixels that tell anything of the light
_REACH = 1 / 20  # of the longer side: a shadow begins this near to the subject
_MARGIN = 4  # pixels around a shadow that belong to it


def cast_shadow(picture: Picture, plate: Picture, alpha: NDArray[np.uint8]) -> Alpha:
    """Return the shadow that a subject casts on its background: (H, W), the alpha of black.

    A shadow is where ``picture`` looks like ``plate``, both (H, W, 3) BGR, with less light in all channels alike, and
    which reaches the subject of ``alpha`` (H, W). It is 1 less the share of light that is left, against that of the
    background without a shadow; below the subject it continues what is around it.
    """
    size = limit_side(picture.shape, _SIDE)
    new, old = (resize(image, size) * _UNIT for image in (picture, plate))
    small = resize(alpha, size) * _UNIT
    found = np.clip(_attached(_darkness(new, old, small), small), 0, 1)
    return resize(found, (alpha.shape[0], alpha.shape[1]))


def _darkness(picture: Colours, plate: Colours, alpha: Alpha) -> Field:
    """Return the share of light that is missing, (H, W), continued where the subject hides it."""
    plate = plate * _usual_light(picture, plate, alpha)
    noise = noise_level(to_uint8(picture), to_uint8(plate), alpha)
    shown = (alpha < _BACKGROUND).astype(np.float32)
    gain, trust = _light(picture * shown[..., None], plate * shown[..., None], shown, noise)
    dark = np.clip(1 - gain, 0, 1)
    dark *= np.clip((dark - np.float32(_FAINT)) * np.float32(1 / (_SEEN - _FAINT)), 0, 1)
    dark *= np.float32(trust_in_plate(noise))
    found = np.zeros_like(dark)
    for scale in _SCALES:
        weight = cv2.GaussianBlur(trust, (0, 0), scale)
        mean = cv2.GaussianBlur(dark * trust, (0, 0), scale) / (weight + np.float32(5e-4))
        found += (mean - found) * np.minimum(weight * np.float32(1 / _ENOUGH), 1)
    return found


def _usual_light(picture: Colours, plate: Colours, alpha: Alpha) -> np.float32:
    """Return by how much ``plate`` is to be multiplied to look like the background without a shadow."""
    size = limit_side(alpha.shape, _COARSE)
    new, old, hidden = (resize(each, size) for each in (picture, plate, alpha))
    crossed, squared = (new * old).sum(axis=2), (old * old).sum(axis=2)
    gains = (crossed / np.maximum(squared, np.float32(1e-6)))[(hidden < _BACKGROUND) & (squared > _BLACK)]
    if len(gains) < _LEAST:
        return np.float32(1)
    return np.float32(np.quantile(gains, _USUAL))


def _light(picture: Colours, plate: Colours, shown: Field, noise: Noise) -> tuple[Field, Field]:
    """Return the light that is left of the plate's, and how far it can be trusted, 0 where nothing is ``shown``."""
    light = light_left(picture, plate, noise, _WINDOW)
    unsure = np.float32(_DARK**2 * float((noise * noise).sum()))
    strength = light.strength / np.maximum(cv2.blur(shown, (_WINDOW, _WINDOW)), np.float32(1e-3))
    trust = light.likeness * shown * (light.gain > _DARKEST) * (light.gain < _BRIGHTEST)
    return light.gain, trust * (strength / (strength + unsure)) ** 2


def _attached(darkness: Field, alpha: Alpha) -> Field:
    """Return the parts of a ``darkness`` that reach the subject; others are of clouds, trees and lamps."""
    reach = disc(max(1, round(max(alpha.shape) * _REACH)))
    near = cv2.dilate((alpha > 0.5).astype(np.uint8), reach) > 0
    _, labels = cv2.connectedComponents((darkness > _SEEN / 2).astype(np.uint8), connectivity=8)
    chosen = np.zeros(int(labels.max()) + 1, np.uint8)
    chosen[np.unique(labels[near])] = 1
    chosen[0] = 0  # where there is no shadow
    kept = cv2.dilate(chosen[labels], disc(_MARGIN)).astype(np.float32)
    return darkness * cv2.GaussianBlur(kept, (0, 0), _MARGIN / 2)
