"""Alignment of a plate with a picture, for a camera that has moved between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import ImageError
from omz.images.arrays import Picture
from omz.images.exposure import exposure_gains, scale_channels
from omz.images.geometry import limit_side, resize, scaling
from omz.images.parallax import Field, find_field, warp
from omz.images.sizes import picture_size

Homography: TypeAlias = NDArray[np.float64]
"""(3, 3), maps pixels of the plate, (x, y, 1), to those of the picture."""
Grey: TypeAlias = NDArray[np.uint8]
Points: TypeAlias = NDArray[np.float32]
"""(N, 2), x and y in pixels."""

ANOTHER_CROP = "it shows another crop of the scene"
"""Beginning of the reason why a plate is not aligned that is of the scene, but zoomed."""

_SIDE = 1280  # pixels of the longer side of the copies in which movement is found, to a tenth of a pixel there
_PASSES = ((240, 3), (480, 2), (960, 1), (_SIDE, 1))  # longer side of finer and finer copies, and pyramid levels
_WINDOW = (31, 31)
_POINTS, _QUALITY, _APART = 600, 0.01, 60  # points, how faint against the best, how many fit into the longer side
_BACK = 0.5  # pixels between the start of a point and its end after being followed there and back
_TOLERANCE = 1.0  # pixels that an inlier may be off
_LEAST_MATCHES = 12  # four make a homography; fewer than twelve agree by chance
_LEAST_INLIERS = 0.7
_SIFT_SIDE, _SIFT_FEATURES = 640, 1500
_RATIO = 0.8  # Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004
_SCALES = (0.5, 2.0)  # of the plate's area: what a person with a camera does by accident
_STILL = 0.1  # pixels of the copies: to move the plate by less costs more sharpness than it gains
_SEEN, _CLOSE = 320, 10  # pixels of the longer side, levels: see likeness()
_WORSE = 0.02  # by how much likeness may fall: noise
_LIKE, _MANY = 0.3, 30  # less likeness (the subject may be large) needs so many inliers


@dataclass(frozen=True)
class Alignment:
    """The result of :func:`align`.

    ``plate`` is the one to use: warped, with the picture's own pixels where it does not reach, or unchanged.
    ``aligned`` tells whether the movement was found, and ``reason``, in words, why not. Of ``matches``, points found in
    both, ``inliers`` agree on the movement, on average ``residual`` pixels off; the corners move by ``shift`` pixels on
    average. ``homography`` (3, 3) maps plate pixels to picture pixels; ``field`` bends them after that, where
    parallax was evened out. ``covered`` (H, W) is true where the warped plate reaches; None if nothing was warped, as
    for a plate that fits.
    """

    plate: Picture
    aligned: bool
    reason: str = ""
    matches: int = 0
    inliers: int = 0
    shift: float = 0.0
    residual: float = 0.0
    homography: Homography | None = None
    covered: NDArray[np.bool_] | None = None
    field: Field | None = None


@dataclass(frozen=True)
class _Movement:
    """A homography and its evidence; ``reason`` says why it must not be used."""

    homography: Homography
    matches: int = 0
    inliers: int = 0
    residual: float = 0.0
    reason: str = ""


def align(plate: Picture, picture: Picture, start: Homography | None = None, bends: bool = True) -> Alignment:
    """Align ``plate`` with ``picture``, both uint8 BGR (H, W, 3) of one size.

    Corners of the plate are followed into the picture by their neighbourhoods (Lucas and Kanade), in finer and finer
    copies, from ``start`` on, by default no movement; the homography is the one that most of them agree on (RANSAC). If
    that fails, it starts again from a match of SIFT features, which find each other over any distance. An absurd
    homography, or one that makes the plate less like the picture, is refused. If the plate ``bends``, small parallax is
    evened out, too, where that makes it more like the picture. Raises :class:`ImageError` if the sizes differ.
    """
    if plate.shape != picture.shape:
        sizes = f"plate {picture_size(plate)} and image {picture_size(picture)}"
        raise ImageError(f"{sizes} differ in size; resize the plate")
    small = limit_side(picture.shape, _SIDE)
    seen = resize(picture, small)
    exposed = resize(plate, small)
    exposed = scale_channels(exposed, exposure_gains(exposed, seen))
    scale = scaling(picture.shape, small)
    first = np.eye(3) if start is None else scale @ start @ np.linalg.inv(scale)
    grey, grey_plate = _grey(seen), _grey(exposed)
    starts: tuple[Callable[[], Homography | None], ...] = (lambda: first, lambda: _by_features(grey_plate, grey))
    found = _Movement(np.eye(3), reason="")
    for begin in starts:
        homography = begin()
        if homography is not None:
            found = _judged(_follow(grey_plate, grey, homography), exposed, seen)
        if not found.reason and homography is not None:
            break
    aligned = Alignment(plate, not found.reason, found.reason, found.matches, found.inliers)
    if found.reason:
        return aligned
    field = find_field(exposed, seen, found.homography) if bends else None
    return _moved(aligned, found, picture, scale, field)


def move(plate: Picture, homography: Homography, field: Field | None = None) -> tuple[Picture, NDArray[np.bool_]]:
    """Return ``plate`` moved as was found, and a mask (H, W) of where it reaches; beyond, its edges repeat."""
    corners = np.rint(16 * _moved_corners(homography, plate)).astype(np.int32)
    covered = cv2.fillConvexPoly(np.zeros(plate.shape[:2], np.uint8), corners, 1, shift=4) > 0
    return warp(plate, homography, field), covered


def filled(plate: Picture, covered: NDArray[np.bool_], picture: Picture) -> Picture:
    """Return ``plate`` with the pixels of the picture where it is not ``covered``."""
    if covered.all():
        return plate
    return cv2.copyTo(picture, (~covered).astype(np.uint8), plate.copy())


def corner_shift(homography: Homography, plate: Picture) -> float:
    """Return by how many pixels the corners of a plate move, on average."""
    return float(np.linalg.norm(_moved_corners(homography, plate) - _corners(plate), axis=1).mean())


def likeness(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> float:
    """Return the share of pixels, 0 to 1, that differ by at most 10 levels in every channel after exposure matching.

    Both are (H, W, 3) of one size; of ``valid`` (H, W) pixels alone, where given. Measured on small copies.
    """
    small = limit_side(picture.shape, _SEEN)
    old, new = resize(plate, small), resize(picture, small)
    counts = np.ones(small, np.bool_)
    if valid is not None:
        counts = resize(valid.astype(np.uint8), small, cv2.INTER_NEAREST) > 0
    if not counts.any():
        return 0.0
    difference = cv2.absdiff(scale_channels(old, exposure_gains(old, new, counts)), new)
    return float((difference.max(axis=2) <= _CLOSE)[counts].mean())


def _judged(found: _Movement, plate: Picture, picture: Picture) -> _Movement:
    """Return ``found`` with the reason why it must not be used, if there is one."""
    reason = found.reason or _absurd(found.homography, plate)
    if reason or corner_shift(found.homography, plate) < _STILL:
        return replace(found, reason=reason)
    warped, covered = move(plate, found.homography)
    before, after = likeness(plate, picture, covered), likeness(warped, picture, covered)
    if after < before - _WORSE or (after < _LIKE and found.inliers < _MANY):
        return replace(found, reason="moved as its points say, the plate is not like the image")
    return found


def _moved(aligned: Alignment, found: _Movement, picture: Picture, scale: Homography, field: Field | None) -> Alignment:
    """Return the plate moved as was ``found`` in copies, which are smaller by ``scale``."""
    plate, homography = aligned.plate, np.linalg.inv(scale) @ found.homography @ scale
    homography = homography / homography[2, 2]
    shift, factor = corner_shift(homography, plate), float(scale[0, 0])
    aligned = replace(aligned, shift=shift, residual=found.residual / factor, homography=homography)
    if shift * factor < _STILL and field is None:
        return aligned
    warped, covered = move(plate, homography, field)
    return replace(aligned, plate=filled(warped, covered, picture), covered=covered, field=field)


def _follow(plate: Grey, picture: Grey, homography: Homography) -> _Movement:
    """Return the movement that starts from ``homography``, refined in copies of growing size."""
    best: _Movement | None = None
    for side, levels in _PASSES:
        small = limit_side(picture.shape, side)
        scale = scaling(picture.shape, small)
        start = scale @ homography @ np.linalg.inv(scale)
        moved = cv2.warpPerspective(resize(plate, small), start, small[::-1], borderMode=cv2.BORDER_REPLICATE)
        step = _fit(*_followed(_calmed(moved), _calmed(resize(picture, small)), levels))
        if not step.reason:
            whole = np.linalg.inv(scale) @ step.homography @ start @ scale
            homography = whole / whole[2, 2]
            best = _Movement(homography, step.matches, step.inliers, step.residual / scale[0, 0])
        if small == picture.shape[:2]:
            break
    return best or step


def _followed(plate: Grey, picture: Grey, levels: int) -> tuple[Points, Points]:
    """Return corners of the plate, and their places in the picture."""
    corners = cv2.goodFeaturesToTrack(plate, _POINTS, _QUALITY, max(plate.shape) / _APART, blockSize=7)
    if corners is None:
        return np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)
    there, found, _ = cv2.calcOpticalFlowPyrLK(plate, picture, corners, None, winSize=_WINDOW, maxLevel=levels)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(picture, plate, there, None, winSize=_WINDOW, maxLevel=levels)
    good = (found & returned).ravel().astype(bool) & (np.linalg.norm(back - corners, axis=2).ravel() < _BACK)
    return corners.reshape(-1, 2)[good], there.reshape(-1, 2)[good]


def _fit(old: Points, new: Points) -> _Movement:
    """Return the homography on which most pairs of points agree."""
    matches = len(old)
    if matches < _LEAST_MATCHES:
        return _Movement(np.eye(3), matches, 0, 0.0, f"too few points ({matches}) of the plate are in the image")
    homography, mask = cv2.findHomography(old, new, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=5000, confidence=0.999)
    inlier = np.zeros(matches, bool)
    if homography is not None:
        inlier = mask.ravel().astype(bool)
    inliers = int(inlier.sum())
    if inliers < max(_LEAST_MATCHES, _LEAST_INLIERS * matches):
        return _Movement(np.eye(3), matches, inliers, 0.0, f"only {inliers} of {matches} points agree on a movement")
    moved = cv2.perspectiveTransform(old[inlier][:, None], homography)[:, 0]
    return _Movement(homography, matches, inliers, float(np.linalg.norm(moved - new[inlier], axis=1).mean()))


def _by_features(plate: Grey, picture: Grey) -> Homography | None:
    """Return a first guess, good to some pixels; None if the features do not agree."""
    small = limit_side(picture.shape, _SIFT_SIDE)
    sift = cv2.SIFT.create(nfeatures=_SIFT_FEATURES, contrastThreshold=0.01)
    old, kinds = sift.detectAndCompute(resize(plate, small), None)
    new, others = sift.detectAndCompute(resize(picture, small), None)
    if min(len(old), len(new)) < _LEAST_MATCHES:
        return None
    pairs = []
    for first, second in cv2.BFMatcher(cv2.NORM_L2).knnMatch(kinds, others, k=2):
        if first.distance < _RATIO * second.distance:
            pairs.append((old[first.queryIdx].pt, new[first.trainIdx].pt))
    points = np.array(pairs, np.float32).reshape(-1, 2, 2)
    found = _fit(points[:, 0], points[:, 1])
    if found.reason:
        return None
    scale = scaling(picture.shape, small)
    return np.linalg.inv(scale) @ found.homography @ scale


def _absurd(homography: Homography, plate: Picture) -> str:
    """Return why no camera moves like this, or "" if one may."""
    height, width = plate.shape[:2]
    corners = _corners(plate)
    depth = corners @ homography[2, :2] + homography[2, 2]
    if not np.isfinite(homography).all() or depth.min() <= 0:
        return "the movement found would fold the plate"
    moved = _moved_corners(homography, plate)
    area = cv2.contourArea(moved, oriented=True) / ((width - 1) * (height - 1))
    if area <= 0:
        return "the movement found would mirror the plate"
    if not cv2.isContourConvex(moved):
        return "the movement found would fold the plate"
    if not _SCALES[0] <= area <= _SCALES[1]:
        return f"{ANOTHER_CROP}, {area:.2g} times as large"
    return ""


def _moved_corners(homography: Homography, plate: Picture) -> Points:
    return cv2.perspectiveTransform(_corners(plate)[:, None], homography)[:, 0]


def _corners(plate: Picture) -> Points:
    right, bottom = plate.shape[1] - 1, plate.shape[0] - 1
    return np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float32)


def _grey(picture: Picture) -> Grey:
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


def _calmed(grey: Grey) -> Grey:
    """Return ``grey`` without the finest noise, which differs between two pictures."""
    return cv2.GaussianBlur(grey, (0, 0), 1.0)
