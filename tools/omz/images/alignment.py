"""Alignment of a plate with a picture, for a camera that has moved between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import ImageError
from omz.images.arrays import Gains, Picture, Size
from omz.images.copies import LARGE, SIFT_SIDE, Copies, Grey, Points
from omz.images.exposure import brightness, close, exposure_gains, scale_channels
from omz.images.geometry import limit_side, rescaled, resize, scaling
from omz.images.parallax import Bend, find_field, warp
from omz.images.sizes import picture_size

Homography: TypeAlias = NDArray[np.float64]
"""(3, 3), maps pixels of the plate, (x, y, 1), to those of the picture."""
Pass: TypeAlias = tuple[int, int, int]

ANOTHER_CROP = "it shows another crop of the scene"
"""Beginning of the reason why a plate is not aligned that is of the scene, but zoomed."""

_LAST = (LARGE, 1, 400)  # longer side of the finest copies, to a tenth of whose pixels movement is found; see _PASSES
_PASSES = ((240, 3, 200), (480, 2, 300), _LAST)  # longer side of finer and finer copies, pyramid levels, points
_WINDOW = (21, 21)
_APART = 60  # how many points fit into the longer side
_BACK = 0.5  # pixels between the start of a point and its end after being followed there and back
_TOLERANCE = 1.0  # pixels that an inlier may be off
_EXACT, _AS_GOOD = 0.05, 1.05  # pixels that followed points are off anyway; how much worse is as good
_LEAST_MATCHES = 12  # four make a homography; fewer than twelve agree by chance
_LEAST_INLIERS = 0.7
_RATIO = 0.8  # Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004
_SCALES = (0.5, 2.0)  # of the plate's area: what a person with a camera does by accident
_STILL = 0.1  # pixels of the copies: to move the plate by less costs more sharpness than it gains
_STEP = 1.0  # pixels of the copies; a camera that has moved by less causes no parallax that could be seen
_PLANE, _NEAR_PLANE = 0.97, 0.2  # share of points on one plane, and pixels they are off, that leave no parallax
_SEEN = 320  # pixels of the longer side: see likeness()
_SUBJECT = 24  # levels by which a subject differs from the plate
_WORSE = 0.02  # by how much likeness may fall: noise
_LIKE, _MANY = 0.3, 30  # less likeness (the subject may be large) needs so many inliers


@dataclass(frozen=True)
class Alignment:
    """The result of :func:`align`.

    ``plate`` is the one to use: warped, with the picture's own pixels where it does not reach, or unchanged.
    ``aligned`` tells whether the movement was found, and ``reason``, in words, why not. Of ``matches``, points found in
    both, ``inliers`` agree on the movement. ``homography`` (3, 3) maps plate pixels to picture pixels. ``covered``
    (H, W) is true where the warped plate reaches; None if nothing was warped, as for a plate that fits.
    """

    plate: Picture
    aligned: bool
    reason: str = ""
    matches: int = 0
    inliers: int = 0
    homography: Homography | None = None
    covered: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Movement:
    """A homography (3, 3) from pixels of the plate to those of the picture, and its evidence.

    ``reason`` says why it must not be used. Of ``matches``, points found in both, ``inliers`` agree on it, on average
    ``residual`` pixels off; it moves the corners by ``shift`` pixels, all in copies of 1280 pixels. It ``is_still`` if
    that is next to nothing. ``field`` bends pixels after that, where parallax was evened out.
    """

    homography: Homography
    matches: int = 0
    inliers: int = 0
    residual: float = 0.0
    reason: str = ""
    shift: float = 0.0
    field: Bend | None = None

    @property
    def is_still(self) -> bool:
        """Whether the plate is better left as it is."""
        return self.shift < _STILL and self.field is None


def align(plate: Picture, picture: Picture) -> Alignment:
    """Align ``plate`` with ``picture``, both uint8 BGR (H, W, 3) of one size; see :func:`find_movement`.

    Raises :class:`ImageError` if the sizes differ.
    """
    if plate.shape != picture.shape:
        sizes = f"plate {picture_size(plate)} and image {picture_size(picture)}"
        raise ImageError(f"{sizes} differ in size; resize the plate")
    found = find_movement(Copies(plate), Copies(picture))
    aligned = Alignment(plate, not found.reason, found.reason, found.matches, found.inliers)
    if found.reason:
        return aligned
    aligned = replace(aligned, homography=found.homography)
    if found.is_still:
        return aligned
    warped, covered = move(plate, found.homography, found.field)
    fill(warped, covered, picture)
    return replace(aligned, plate=warped, covered=covered)


def find_movement(plate: Copies, picture: Copies, near: Homography | None = None) -> Movement:
    """Return how ``plate`` has to be moved to fit ``picture``, of the same size.

    Corners of the plate are followed into the picture by their neighbourhoods (Lucas and Kanade), in finer and finer
    copies; the homography is the one that most of them agree on (RANSAC). That starts from a movement ``near``, if one
    is known, then from none, and then from a match of SIFT features, which find each other over any distance. An absurd
    homography, or one that makes the plate less like the picture, is refused. Small parallax is evened out, too, where
    that makes the plate more like the picture.
    """
    gains = exposure_gains(plate.small, picture.small)
    for start, passes in _starts(plate, picture, near):
        found = _judged(_follow(plate, picture, start, passes, gains), plate, picture)
        if not found.reason:
            break
    if found.reason or not _may_bend(found):
        return found
    return replace(found, field=find_field(plate, picture, found.homography))


def move(plate: Picture, homography: Homography, field: Bend | None = None) -> tuple[Picture, NDArray[np.bool_]]:
    """Return ``plate`` moved as was found, and a mask (H, W) of where it reaches; beyond, its edges repeat."""
    corners = np.rint(16 * _moved_corners(homography, plate)).astype(np.int32)
    covered = cv2.fillConvexPoly(np.zeros(plate.shape[:2], np.uint8), corners, 1, shift=4)
    return warp(plate, homography, field), covered.view(np.bool_)


def move_small(plate: Copies, homography: Homography, field: Bend | None = None) -> tuple[Picture, NDArray[np.bool_]]:
    """Return the small copy of ``plate`` moved as was found for the whole, and where it reaches; see :func:`move`."""
    scale = scaling(plate.picture.shape, (plate.small.shape[0], plate.small.shape[1]))
    return move(plate.small, rescaled(homography, scale), field)


def fill(plate: Picture, covered: NDArray[np.bool_], picture: Picture) -> None:
    """Write the pixels of the picture into ``plate`` where that is not ``covered``.

    Where the nearest pixels that are covered differ, a subject reaches beyond the plate, whose edge stays there.
    """
    if covered.all():
        return
    size = limit_side(picture.shape, _SEEN)
    reached = cv2.erode(cv2.inRange(resize(covered.view(np.uint8) * np.uint8(255), size), 255, 255), np.ones((3, 3)))
    if not reached.any():
        cv2.copyTo(picture, (~covered).view(np.uint8), plate)
        return
    old, new = resize(plate, size), resize(picture, size)
    old = scale_channels(old, exposure_gains(old, new, reached > 0))
    difference = cv2.blur(cv2.absdiff(old, new), (3, 3))
    alike = cv2.inRange(difference, (0, 0, 0), (_SUBJECT, _SUBJECT, _SUBJECT))
    _, labels = cv2.distanceTransformWithLabels(
        cv2.bitwise_not(reached), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(labels.max() + 1, np.uint8)
    nearest[labels[reached > 0]] = alike[reached > 0]
    background = resize(nearest[labels], (picture.shape[0], picture.shape[1]), cv2.INTER_NEAREST)
    cv2.copyTo(picture, cv2.bitwise_and(background, (~covered).view(np.uint8) * np.uint8(255)), plate)


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
    return float((close(scale_channels(old, exposure_gains(old, new, counts)), new) > 0)[counts].mean())


def _judged(found: Movement, plate: Copies, picture: Copies) -> Movement:
    """Return ``found`` with how far it moves, or the reason why it must not be used."""
    reason = found.reason or _absurd(found.homography, plate.picture)
    if reason:
        return replace(found, reason=reason)
    factor = max(picture.size(LARGE)) / max(picture.picture.shape)
    found = replace(found, shift=corner_shift(found.homography, plate.picture) * factor)
    if found.shift < _STILL:
        return found
    warped, covered = move_small(plate, found.homography)
    before, after = (likeness(each, picture.small, covered) for each in (plate.small, warped))
    if after < before - _WORSE or (after < _LIKE and found.inliers < _MANY):
        return replace(found, reason="moved as its points say, the plate is not like the image")
    return found


def _starts(plate: Copies, picture: Copies, near: Homography | None) -> Iterator[tuple[Homography, Sequence[Pass]]]:
    """Yield movements to start from, and the passes that refine each."""
    if near is not None:
        yield near, (_LAST,)
    yield np.eye(3), _PASSES
    guess = _by_features(plate, picture)
    if guess is not None:
        yield guess, _PASSES


def _may_bend(found: Movement) -> bool:
    """Return whether parallax is possible."""
    is_plane = found.inliers >= _PLANE * found.matches and found.residual < _NEAR_PLANE
    return found.shift >= _STEP and not is_plane


def _follow(plate: Copies, picture: Copies, homography: Homography, passes: Sequence[Pass], gains: Gains) -> Movement:
    """Return the movement that starts from ``homography``, refined in copies of growing size, of pyramid levels."""
    best: Movement | None = None
    for side, levels, most in passes:
        size = picture.size(side)
        scale = scaling(picture.picture.shape, size)
        start = rescaled(homography, scale)
        moved = cv2.warpPerspective(plate.calmed(side), start, size[::-1], borderMode=cv2.BORDER_REPLICATE)
        moved = cv2.convertScaleAbs(moved, alpha=brightness(gains))
        corners = _inside(plate.corners(side, most, max(size) / _APART), start, size)
        step = _fit(*_followed(moved, picture.calmed(side), corners, levels))
        if not step.reason:
            whole = np.linalg.inv(scale) @ step.homography @ start @ scale
            homography = whole / whole[2, 2]
            best = replace(step, homography=homography, residual=step.residual * max(picture.size(LARGE)) / max(size))
        if size == picture.picture.shape[:2]:
            break
    return best or step


def _inside(corners: Points, homography: Homography, size: Size) -> Points:
    """Return corners moved by a homography, those that lie within a copy of ``size``."""
    if not len(corners):
        return corners
    moved = cv2.perspectiveTransform(corners[:, None], homography)[:, 0]
    return moved[((moved >= 0) & (moved <= (size[1] - 1, size[0] - 1))).all(axis=1)]


def _followed(plate: Grey, picture: Grey, corners: Points, levels: int) -> tuple[Points, Points]:
    """Return corners of the plate, and their places in the picture."""
    if not len(corners):
        return corners, corners
    points = corners[:, None]
    there, found, _ = cv2.calcOpticalFlowPyrLK(plate, picture, points, None, winSize=_WINDOW, maxLevel=levels)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(
        picture, plate, there, points.copy(), winSize=_WINDOW, maxLevel=0, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    good = (found & returned).ravel().astype(bool) & (np.linalg.norm(back - points, axis=2).ravel() < _BACK)
    return corners[good], there[good, 0]


def _fit(old: Points, new: Points) -> Movement:
    """Return the homography on which most pairs of points agree."""
    matches = len(old)
    if matches < _LEAST_MATCHES:
        return Movement(np.eye(3), matches, 0, 0.0, f"too few points ({matches}) of the plate are in the image")
    homography, mask = cv2.findHomography(old, new, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=5000, confidence=0.999)
    inlier = np.zeros(matches, bool)
    if homography is not None:
        inlier = mask.ravel().astype(bool)
    inliers = int(inlier.sum())
    if inliers < max(_LEAST_MATCHES, _LEAST_INLIERS * matches):
        return Movement(np.eye(3), matches, inliers, 0.0, f"only {inliers} of {matches} points agree on a movement")
    homography = _least_squares(old[inlier], new[inlier], homography)
    residual = float(_distances(old[inlier], new[inlier], homography).mean())
    return Movement(homography, matches, inliers, residual)


def _least_squares(old: Points, new: Points, found: Homography) -> Homography:
    """Return the homography that fits pairs of points best; RANSAC's own, ``found``, may be that of a few of them.

    It has four numbers instead of eight, those of a shift, a turn and a zoom, where these say as much: beside the
    points, eight may bend anything.
    """
    whole, _ = cv2.findHomography(old, new)
    turned, _ = cv2.estimateAffinePartial2D(old, new, ransacReprojThreshold=_TOLERANCE)
    if whole is None or turned is None:
        return found
    simple = np.vstack([turned, [0, 0, 1]])
    eight, four = (float(_distances(old, new, each).mean()) for each in (whole, simple))
    return simple if four <= max(_EXACT, _AS_GOOD * eight) else whole


def _distances(old: Points, new: Points, homography: Homography) -> NDArray[np.float32]:
    """Return how far points are from where a homography moves them."""
    return np.linalg.norm(cv2.perspectiveTransform(old[:, None], homography)[:, 0] - new, axis=1)


def _by_features(plate: Copies, picture: Copies) -> Homography | None:
    """Return a first guess, good to some pixels; None if the features do not agree."""
    (old, kinds), (new, others) = plate.features, picture.features
    if min(len(old), len(new)) < _LEAST_MATCHES:
        return None
    pairs = []
    for first, second in cv2.BFMatcher(cv2.NORM_L2).knnMatch(kinds, others, k=2):
        if first.distance < _RATIO * second.distance:
            pairs.append((first.queryIdx, first.trainIdx))
    places = np.array(pairs, np.intp).reshape(-1, 2)
    found = _fit(old[places[:, 0]], new[places[:, 1]])
    if found.reason:
        return None
    scale = scaling(picture.picture.shape, picture.size(SIFT_SIDE))
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
