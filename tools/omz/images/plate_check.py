"""Checks that a plate shows the empty scene of a picture, and warnings of what can harm the matte."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.alignment import Alignment, align, likeness
from omz.images.arrays import Picture, Pixels
from omz.images.exposure import Exposure, brightness, match_exposure
from omz.images.geometry import limit_side, resize
from omz.images.placing import place

NOT_THE_SCENE = (
    "this does not look like the empty scene of the image; perhaps plate and target are swapped; "
    "--plate none does without a plate"
)

IN_BOTH = (
    "the subject seems to be in the plate, too, at another place or in another pose; take the plate without it, or do "
    "without a plate: --plate none"
)

_SEEN = 640  # pixels of the longer side of the copies that are compared
_LEAST_INLIERS = 0.5
_LEAST_LIKENESS = 0.3
_ALIKE = 0.6  # from this likeness on, nothing has moved and needs to be aligned
_BACKGROUND, _HAZE = 0.05, 0.3  # alphas below which a pixel is background: by rule, and where hardly one is
_LEAST_BACKGROUND = 0.05  # share of the image
_DARKER = 0.85  # share of the plate's light; a heavy shadow leaves less
_CHROMATICITY = 0.03  # how far a shadow may move a colour's share of a pixel's light
_DARK = 24  # levels of the plate below which a shadow cannot be seen
_NOTABLE = 0.02  # share of the background from which on a shadow harms
_CHANGED = 24  # levels in a channel by which what is in one of two images alone differs
_LEAST_CHANGE = 0.01  # share of the image; a smaller thing does not harm
_NEAR = 5  # pixels across within which a colour may lie elsewhere, where images are not aligned exactly
_BINS = 10  # of a channel, for the colours of what has changed
_SHARED = 0.5  # of the colours that came and went: up to 0.4 with a clean plate, from 0.6 with a subject in both
_SOFT = 11  # pixels of the copies: shadows are soft, and textures are not always aligned exactly


def check_plate(plate: Picture, picture: Picture, alpha: Pixels | None = None) -> tuple[str, ...]:
    """Return warnings, one line each, about a ``plate`` for ``picture``, both (H, W, 3) of one size.

    They are aligned first, in small copies, if needed. With ``alpha`` (H, W) only the background is compared, and
    searched for the subject's shadow. Thresholds were measured on photographs (another scene), and on synthetic scenes
    (shadow).
    """
    size = limit_side(picture.shape, _SEEN)
    small, seen = resize(plate, size), resize(picture, size)
    background = None
    if alpha is not None:
        background = _background(resize(alpha, size))
    alignment = Alignment(small, aligned=True)
    if likeness(small, seen, background) < _ALIKE:
        alignment = align(small, seen)
    if background is not None and not background.any():
        background = None
    if not _same_scene(alignment, seen, background):
        return (NOT_THE_SCENE,)
    exposure = match_exposure(alignment.plate, seen, background)
    if _shared_colours(exposure.plate, seen, alignment.covered) > _SHARED:
        return (IN_BOTH,)
    warnings = []
    if exposure.is_off:
        warnings.append(_exposure_warning(exposure))
    if background is not None:
        share = _shadow_share(exposure.plate, seen, background)
        if share > _NOTABLE:
            warnings.append(
                f"the subject's shadow darkens {share:.0%} of the background, and may end in the matte; "
                "move the subject or the light"
            )
    return tuple(warnings)


def swapped(plate: Picture, target: Picture, picture: Picture) -> bool:
    """Tell whether ``target``, of any size, shows the scene of ``picture`` and ``plate`` does not."""
    size = limit_side(picture.shape, _SEEN)
    seen = resize(picture, size)

    def shows(other: Picture) -> bool:
        alignment = align(other, seen)
        return _same_scene(alignment, seen, None)

    return not shows(resize(plate, size)) and shows(place(target, size, "stretch"))


def _same_scene(alignment: Alignment, picture: Picture, background: NDArray[np.bool_] | None) -> bool:
    agreed = alignment.aligned and alignment.inliers >= _LEAST_INLIERS * alignment.matches
    return agreed or likeness(alignment.plate, picture, background) >= _LEAST_LIKENESS


def _exposure_warning(exposure: Exposure) -> str:
    gain = brightness(exposure.gains)
    if abs(gain - 1) < 0.01:
        how = "of another white balance than"
    else:
        direction = "brighter" if gain > 1 else "darker"
        how = f"{abs(gain - 1):.0%} {direction} than"
    return f"the image is {how} the plate; use --match_exposure, or lock the exposure of the camera"


def _shared_colours(plate: Picture, picture: Picture, covered: NDArray[np.bool_] | None) -> float:
    """Return how much the colours of plate and picture have in common, 0 to 1, where the two differ.

    A subject comes in its colours, and those of the background go; one that is in both comes and goes.
    """
    old, new = (cv2.GaussianBlur(each, (0, 0), 1.5) for each in (plate, picture))
    changed = _beyond(old, new) | _beyond(new, old)
    if covered is not None:
        changed &= covered
    if changed.mean() < _LEAST_CHANGE:
        return 0.0
    shares = []
    for colours in (old[changed], new[changed]):
        bins = (colours.astype(np.intp) * _BINS) // 256
        index = (bins[:, 0] * _BINS + bins[:, 1]) * _BINS + bins[:, 2]
        shares.append(np.bincount(index, minlength=_BINS**3) / len(index))
    return float(np.minimum(*shares).sum())


def _beyond(old: Picture, new: Picture) -> NDArray[np.bool_]:
    """Return where a channel of ``new`` is beyond what ``old`` has around."""
    around = np.ones((_NEAR, _NEAR), np.uint8)
    above, below = cv2.subtract(new, cv2.dilate(old, around)), cv2.subtract(cv2.erode(old, around), new)
    most: Picture = np.maximum(above, below)
    return cv2.max(cv2.max(most[..., 0], most[..., 1]), most[..., 2]) > _CHANGED


def _shadow_share(plate: Picture, picture: Picture, background: NDArray[np.bool_]) -> float:
    """Return the share of the background that a shadow darkens.

    Textures that are not aligned exactly brighten as much as they darken, and cancel out.
    """
    old = cv2.blur(plate, (_SOFT, _SOFT)).astype(np.float32)[background]
    new = cv2.blur(picture, (_SOFT, _SOFT)).astype(np.float32)[background]
    return float(_darkened(old, new).mean() - _darkened(new, old).mean())


def _darkened(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which colours, (N, 3), lost light and kept their chromaticity."""
    light, left = (colours[:, 0] + colours[:, 1] + colours[:, 2] for colours in (before, after))
    darkened = (left < _DARKER * light) & (light > 3 * _DARK)
    for channel in range(3):  # one by one: NumPy takes six times as long along an axis of three
        moved = before[:, channel] / np.maximum(light, 1) - after[:, channel] / np.maximum(left, 1)
        darkened &= np.abs(moved) < _CHROMATICITY
    return darkened


def _background(alpha: Pixels) -> NDArray[np.bool_]:
    """Return a mask of the background, without the pixels beside an edge.

    A plate of another exposure can leave a haze of alpha everywhere.
    """
    background = _below(alpha, _BACKGROUND)
    if background.mean() < _LEAST_BACKGROUND:
        background = _below(alpha, _HAZE)
    return background


def _below(alpha: Pixels, most: float) -> NDArray[np.bool_]:
    seen = (alpha >= most * np.iinfo(alpha.dtype).max).astype(np.uint8)
    return cv2.dilate(seen, np.ones((_SOFT + 2, _SOFT + 2), np.uint8)) == 0
