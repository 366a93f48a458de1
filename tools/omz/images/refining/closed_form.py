"""Closed-form matting of the uncertain band: the slow way to fine hair."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.extras import import_extra
from omz.images.arrays import Alpha, Picture
from omz.images.geometry import limit_side, resize
from omz.images.refining.enlarging import enlarge
from omz.images.refining.evidence import disc

_SIDE = 960  # pixels of the longer side of the copies that are solved: larger ones gain little, and take long
_KNOWN = 0.04  # an alpha this near to 0 or 1, and this share of the longer side from another one, stays
_APART = 1 / 320
_TOLERANCE = 1e-5  # of the solver


def solve_closed_form(picture: Picture, alpha: Alpha) -> Alpha:
    """Return ``alpha`` (H, W), its band solved for by the colours of ``picture`` (H, W, 3) BGR.

    Levin, Lischinski and Weiss, "A Closed-Form Solution to Natural Image Matting", 2008, as pymatting has it. Raises
    :class:`omz.errors.EngineError` without the extra ``refine``.
    """
    pymatting = import_extra("pymatting")
    size = limit_side(alpha.shape, _SIDE)
    trimap = _trimap(resize(alpha, size))
    if any(not (trimap == kind).any() for kind in (0, 0.5, 1)):
        return alpha
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a solver that stops early, which costs digits that nobody sees
        solved = pymatting.estimate_alpha_cf(
            resize(picture, size)[..., ::-1] / 255, trimap, cg_kwargs={"rtol": _TOLERANCE}
        )
    share: Alpha = np.clip(solved, 0, 1).astype(np.float32)
    if size != alpha.shape:
        share = enlarge(share, picture)
    return share


def _trimap(alpha: Alpha) -> NDArray[np.float64]:
    """Return 1 for what is surely the subject, 0 for what is surely not, else 0.5."""
    trimap = np.full(alpha.shape, 0.5)
    around = disc(max(1, int(max(alpha.shape) * _APART)))
    trimap[cv2.erode((alpha > 1 - _KNOWN).astype(np.uint8), around) > 0] = 1
    trimap[cv2.erode((alpha < _KNOWN).astype(np.uint8), around) > 0] = 0
    return trimap
