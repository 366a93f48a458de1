"""Whether a plate is the empty scene of a picture, and what else can harm the matte."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.images.alignment import Alignment, align, likeness
from omz.images.arrays import Picture, Size
from omz.images.exposure import Exposure, match_exposure
from omz.images.files import Levels
from omz.images.geometry import resize
from omz.images.placing import place

NOT_THE_SCENE = "this does not look like the empty scene of the picture; did you mean --target?"

_SEEN = 640  # pixels of the longer side of what is looked at
_LEAST_INLIERS = 0.5
_LEAST_LIKENESS = 0.3
_ALIKE = 0.6  # a likeness from which on nothing has moved, and there is nothing to align
_BACKGROUND = 0.05  # an alpha below which a pixel is background
_DARKER = 0.85  # of the plate's light: less is left in a heavy shadow
_CHROMATICITY = 0.03  # how far the share of a colour in a pixel's light may move in a shadow
_DARK = 24  # levels of the plate, below which a shadow cannot be told
_NOTABLE = 0.02  # share of the background: a shadow larger than that harms
_SOFT = 11  # pixels of what is looked at: shadows are soft, and textures do not always lie exactly on each other


def check_plate(
    plate: Picture, picture: Picture, alpha: Levels | None = None, alignment: Alignment | None = None
) -> tuple[str, ...]:
    """Return warnings, one line each, about a ``plate`` for ``picture``, both (H, W, 3) of one size.

    ``alignment`` is that of the two where it is known; otherwise they are aligned here, in small copies, if need be.
    With ``alpha`` (H, W) the background alone is compared, and looked at for the subject's shadow. Thresholds were
    measured on photographs (another scene), and on synthetic scenes (shadow).
    """
    size = _small(picture)
    small, seen = resize(plate, size), resize(picture, size)
    background = None if alpha is None else _background(resize(alpha, size))
    if alignment is None:
        stands_still = likeness(small, seen, background) >= _ALIKE
        alignment = Alignment(small, stands_still) if stands_still else align(small, seen)
    best = resize(alignment.plate, size)
    if background is not None and not background.any():
        background = None
    if not _same_scene(alignment, best, seen, background):
        return (NOT_THE_SCENE,)
    exposure = match_exposure(best, seen, background)
    warnings = [_off(exposure)] if exposure.is_off else []
    if background is not None:
        share = _shadow_share(exposure.plate, seen, background)
        if share > _NOTABLE:
            warnings.append(
                f"the subject's shadow darkens {share:.0%} of the background, and may end in the matte; "
                "move the subject or the light"
            )
    return tuple(warnings)


def swapped(plate: Picture, target: Picture, picture: Picture) -> bool:
    """Return whether ``target``, of any size, shows the scene of ``picture`` and ``plate`` does not."""
    size = _small(picture)
    seen = resize(picture, size)

    def shows(other: Picture) -> bool:
        alignment = align(other, seen)
        return _same_scene(alignment, alignment.plate, seen, None)

    return not shows(resize(plate, size)) and shows(place(target, size, "stretch"))


def _same_scene(alignment: Alignment, plate: Picture, picture: Picture, background: NDArray[np.bool_] | None) -> bool:
    agreed = alignment.aligned and alignment.inliers >= _LEAST_INLIERS * alignment.matches
    return agreed or likeness(plate, picture, background) >= _LEAST_LIKENESS


def _off(exposure: Exposure) -> str:
    blue, green, red = exposure.gains
    brightness = 0.114 * blue + 0.587 * green + 0.299 * red  # as in BT.601
    if abs(brightness - 1) < 0.01:
        how = "of another white balance than"
    else:
        how = f"{abs(brightness - 1):.0%} {'brighter' if brightness > 1 else 'darker'} than"
    return f"the picture is {how} the plate; --match_exposure evens that out"


def _shadow_share(plate: Picture, picture: Picture, background: NDArray[np.bool_]) -> float:
    """Return the share of the background that a shadow darkens.

    Where textures do not lie exactly on each other as much is brighter as is darker; that is no shadow.
    """
    old, new = (cv2.blur(image, (_SOFT, _SOFT)).astype(np.float32)[background] for image in (plate, picture))
    return float(_darkened(old, new).mean() - _darkened(new, old).mean())


def _darkened(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which colours, (N, 3), have less light and are of the same chromaticity."""
    light, left = before.sum(axis=1), after.sum(axis=1)
    moved = before / np.maximum(light, 1)[:, None] - after / np.maximum(left, 1)[:, None]
    return (left < _DARKER * light) & (light > 3 * _DARK) & (np.abs(moved).max(axis=1) < _CHROMATICITY)


def _background(alpha: Levels) -> NDArray[np.bool_]:
    """Return where there is background, and not only beside an edge."""
    seen = (alpha >= _BACKGROUND * np.iinfo(alpha.dtype).max).astype(np.uint8)
    return cv2.dilate(seen, np.ones((_SOFT + 2, _SOFT + 2), np.uint8)) == 0


def _small(picture: Picture) -> Size:
    scale = min(1.0, _SEEN / max(picture.shape[:2]))
    return max(1, round(picture.shape[0] * scale)), max(1, round(picture.shape[1] * scale))
