"""The plate laid over the picture, where the camera has moved between them."""

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
from omz.images.geometry import resize

Homography: TypeAlias = NDArray[np.float64]
"""(3, 3), takes pixels of the plate, (x, y, 1), to those of the picture."""
Grey: TypeAlias = NDArray[np.uint8]
Points: TypeAlias = NDArray[np.float32]
"""(N, 2), x and y in pixels."""

_PASSES = ((240, 3), (480, 2), (960, 1), (1920, 1))  # longer side of what points are followed in, and pyramid levels
_WINDOW = (31, 31)
_POINTS, _QUALITY, _APART = 600, 0.01, 60  # points, how faint against the best, how many fit into the longer side
_BACK = 0.5  # pixels: a point that is followed there and back ends no further from where it began
_TOLERANCE = 1.0  # pixels that an inlier may be off
_LEAST_MATCHES = 12  # four make a homography; fewer than this agree by chance
_LEAST_INLIERS = 0.7
_SIFT_SIDE, _SIFT_FEATURES = 640, 1500
_RATIO = 0.8  # Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004
_SCALES = (0.5, 2.0)  # of the plate's area: what a person with a camera does by accident
_STILL = 0.1  # pixels: to move the plate by less costs more sharpness than it gains
_SEEN, _CLOSE = 320, 10  # pixels of the longer side, levels: see likeness()
_WORSE = 0.02  # by how much likeness may fall: noise
_LIKE, _MANY = 0.3, 30  # less likeness (the subject may be large) needs so many inliers


@dataclass(frozen=True)
class Alignment:
    """What came of laying a plate over a picture.

    ``plate`` is the one to use: warped, with the picture's own pixels where it does not reach, or as it was.
    ``aligned`` says whether the movement was found, ``reason``, in words, why not. Of ``matches``, points found in
    both, ``inliers`` agree on the movement, ``residual`` pixels off in the mean; ``shift`` is how far the corners move,
    in the mean, in pixels. ``homography`` (3, 3) takes plate pixels to picture pixels. ``covered`` (H, W) tells where
    the warped plate reaches; None where nothing was warped, for a plate that fits to a tenth of a pixel is left as it
    was.
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


@dataclass(frozen=True)
class _Movement:
    """A homography, and what speaks for it; ``reason`` says why it is not to be used."""

    homography: Homography
    matches: int = 0
    inliers: int = 0
    residual: float = 0.0
    reason: str = ""


def align(plate: Picture, picture: Picture) -> Alignment:
    """Lay ``plate`` over ``picture``, both uint8 BGR (H, W, 3) of one size.

    Corners of the plate are followed into the picture by their neighbourhoods (Lucas and Kanade), in finer and finer
    copies; a homography is what most of them agree on (RANSAC). Where that finds nothing the start is one between SIFT
    features, which find each other over any distance. What it finds is not used where it is absurd, or where the plate
    would not be more like the picture. Raises :class:`ImageError` for sizes that differ.
    """
    if plate.shape != picture.shape:
        raise ImageError(
            f"plate {plate.shape[1]}x{plate.shape[0]} and picture {picture.shape[1]}x{picture.shape[0]} differ in size;"
            " resize the plate"
        )
    exposed = _grey(scale_channels(plate, exposure_gains(plate, picture)))
    grey = _grey(picture)
    starts: tuple[Callable[[], Homography | None], ...] = (lambda: np.eye(3), lambda: _by_features(exposed, grey))
    alignment = Alignment(plate, False)
    for start in starts:
        homography = start()
        if homography is not None:
            alignment = _judged(_follow(exposed, grey, homography), plate, picture)
        if alignment.aligned:
            break
    return alignment


def likeness(plate: Picture, picture: Picture, valid: NDArray[np.bool_] | None = None) -> float:
    """Return the share of pixels, 0 to 1, that differ by at most 10 levels in every channel after exposure matching.

    Both are (H, W, 3) of one size; of ``valid`` (H, W) pixels alone, where given. Measured on small copies.
    """
    small = _smaller(picture.shape, _SEEN)
    old, new = resize(plate, small), resize(picture, small)
    counts = None if valid is None else resize(valid.astype(np.uint8), small, cv2.INTER_NEAREST) > 0
    close = cv2.absdiff(scale_channels(old, exposure_gains(old, new, counts)), new).max(axis=2) <= _CLOSE
    counted = close if counts is None else close[counts]
    return float(counted.mean()) if counted.size else 0.0


def _judged(found: _Movement, plate: Picture, picture: Picture) -> Alignment:
    """Return the plate as ``found`` moves it, or as it was where that is no good."""
    refused = Alignment(plate, False, found.reason, found.matches, found.inliers)
    reason = found.reason or _absurd(found.homography, plate)
    if reason:
        return replace(refused, reason=reason)
    shift = _corner_shift(found.homography, plate)
    aligned = replace(refused, aligned=True, shift=shift, residual=found.residual, homography=found.homography)
    if shift < _STILL:
        return aligned
    warped, covered = _warp(plate, picture, found.homography)
    before, after = likeness(plate, picture, covered), likeness(warped, picture, covered)
    if after < before - _WORSE or (after < _LIKE and found.inliers < _MANY):
        return replace(refused, reason="moved as its points say, the plate is not like the picture")
    return replace(aligned, plate=warped, covered=covered)


def _follow(plate: Grey, picture: Grey, homography: Homography) -> _Movement:
    """Return the movement that begins with ``homography``, refined in copies of growing size."""
    best: _Movement | None = None
    for side, levels in _PASSES:
        small = _smaller(picture.shape, side)
        scale = _scaling(picture.shape, small)
        start = scale @ (best.homography if best else homography) @ np.linalg.inv(scale)
        moved = cv2.warpPerspective(resize(plate, small), start, small[::-1], borderMode=cv2.BORDER_REPLICATE)
        step = _fit(*_followed(_calmed(moved), _calmed(resize(picture, small)), levels))
        if not step.reason:
            whole = np.linalg.inv(scale) @ step.homography @ start @ scale
            best = _Movement(whole / whole[2, 2], step.matches, step.inliers, step.residual / scale[0, 0])
        if small == picture.shape[:2]:
            break
    return best or step


def _followed(plate: Grey, picture: Grey, levels: int) -> tuple[Points, Points]:
    """Return corners of the plate, and where they are in the picture."""
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
        return _Movement(np.eye(3), matches, 0, 0.0, f"too few points ({matches}) of the plate are in the picture")
    homography, mask = cv2.findHomography(old, new, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=5000, confidence=0.999)
    inlier = np.zeros(matches, bool) if homography is None else mask.ravel().astype(bool)
    inliers = int(inlier.sum())
    if inliers < max(_LEAST_MATCHES, _LEAST_INLIERS * matches):
        return _Movement(np.eye(3), matches, inliers, 0.0, f"only {inliers} of {matches} points agree on a movement")
    moved = cv2.perspectiveTransform(old[inlier][:, None], homography)[:, 0]
    return _Movement(homography, matches, inliers, float(np.linalg.norm(moved - new[inlier], axis=1).mean()))


def _by_features(plate: Grey, picture: Grey) -> Homography | None:
    """Return a first guess, good to some pixels; None where features do not agree."""
    small = _smaller(picture.shape, _SIFT_SIDE)
    sift = cv2.SIFT.create(nfeatures=_SIFT_FEATURES, contrastThreshold=0.01)
    (old, kinds), (new, others) = (sift.detectAndCompute(resize(image, small), None) for image in (plate, picture))
    if min(len(old), len(new)) < _LEAST_MATCHES:
        return None
    pairs = [
        (old[first.queryIdx].pt, new[first.trainIdx].pt)
        for first, second in cv2.BFMatcher(cv2.NORM_L2).knnMatch(kinds, others, k=2)
        if first.distance < _RATIO * second.distance
    ]
    points = np.array(pairs, np.float32).reshape(-1, 2, 2)
    found = _fit(points[:, 0], points[:, 1])
    scale = _scaling(picture.shape, small)
    return None if found.reason else np.linalg.inv(scale) @ found.homography @ scale


def _absurd(homography: Homography, plate: Picture) -> str:
    """Return why no camera moves like this, "" where one does."""
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
        return f"the movement found would scale the plate's area by {area:.2g}"
    return ""


def _warp(plate: Picture, picture: Picture, homography: Homography) -> tuple[Picture, NDArray[np.bool_]]:
    """Return the plate as the homography moves it, and where it reaches; elsewhere it is the picture."""
    size = picture.shape[1::-1]
    warped = cv2.warpPerspective(plate, homography, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    reach = cv2.warpPerspective(np.full(plate.shape[:2], 255, np.uint8), homography, size)
    uncovered = cv2.compare(reach, 255, cv2.CMP_LT)
    cv2.copyTo(picture, uncovered, warped)
    return warped, uncovered == 0


def _corner_shift(homography: Homography, plate: Picture) -> float:
    return float(np.linalg.norm(_moved_corners(homography, plate) - _corners(plate), axis=1).mean())


def _moved_corners(homography: Homography, plate: Picture) -> Points:
    return cv2.perspectiveTransform(_corners(plate)[:, None], homography)[:, 0]


def _corners(plate: Picture) -> Points:
    right, bottom = plate.shape[1] - 1, plate.shape[0] - 1
    return np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float32)


def _grey(picture: Picture) -> Grey:
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


def _calmed(grey: Grey) -> Grey:
    """Return ``grey`` without the finest noise, which is not the same in two pictures."""
    return cv2.GaussianBlur(grey, (0, 0), 1.0)


def _smaller(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(shape[:2]))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _scaling(shape: tuple[int, ...], size: tuple[int, int]) -> Homography:
    """Return what takes pixels of a picture of ``shape`` to those of its copy of ``size``, by their centres."""
    x, y = size[1] / shape[1], size[0] / shape[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
