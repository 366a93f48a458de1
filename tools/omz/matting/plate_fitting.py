"""Plates that fit their images: resized, aligned, their exposure matched; in a video, from frame to frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from omz.images.alignment import corner_shift, fill, find_movement, likeness, move, move_small
from omz.images.arrays import Gains, Picture, Size
from omz.images.copies import Copies, PreparedPlates
from omz.images.exposure import SAME, matching_gains, scale_channels
from omz.images.geometry import rescaled, resize, scaling
from omz.images.highlights import restore_highlights
from omz.images.parallax import Bend
from omz.images.sizes import picture_size
from omz.images.tracking import track
from omz.images.transparency import without_gaps
from omz.matting.plates import OnePlate, PlateSource

Aligning: TypeAlias = Literal["off", "auto", "frame"]
"""Never; where the camera has moved; or every frame of a video anew."""
Matching: TypeAlias = Literal["off", "auto"]

_AGAIN = 25  # frames after which exposure is measured again, and a plate that was lost is searched for
_STEADY = 0.02  # by how much gains may differ from those in use
_LIKE = 0.6  # a plate that is as like as this needs no alignment that could not be found
_LIKE_AND_PLAIN = 0.3  # the same for one without points that count, such as a wall behind a large subject
_NOT_COUNTING = ("too few points", "moved as its points say")  # beginnings of reasons


@dataclass(frozen=True)
class PlateOptions:
    """Whether plates are aligned to their images, and their exposure is matched."""

    align: Aligning = "auto"
    match_exposure: Matching = "auto"


_AS_IT_IS = PlateOptions("off", "off")


@dataclass(frozen=True)
class Fitting:
    """What is done to a plate: times ``gains``, moved by ``homography``, bent by ``field``; None where nothing is.

    In a video, the next frame goes on from it.
    """

    gains: Gains = SAME
    homography: NDArray[np.float64] | None = None
    field: Bend | None = None


@dataclass(frozen=True)
class Fitted:
    """A plate that fits its image, how, and notes about it, a line each.

    The camera moved by ``shift`` pixels. ``problem`` says why the plate could not be aligned, else it is empty. A plate
    that was changed at a smaller size than that of the image comes with ``small``, the image at that size.
    """

    plate: Picture
    notes: tuple[str, ...] = ()
    problem: str = ""
    fitting: Fitting = Fitting()
    shift: float = 0.0
    small: Picture | None = None


def _own(size: Size) -> Size:
    return size


class Plates:
    """Plates that fit their images, each by itself. Safe to call from several threads if the source is.

    What is measured of a plate alone is kept in ``prepared``, for as many sources as share it. ``plate_size`` is that
    of :class:`omz.matting.inference.MattingRequests`, by default the size of the image. To change a plate takes as long
    as it has pixels.
    """

    def __init__(
        self,
        source: PlateSource,
        options: PlateOptions,
        prepared: PreparedPlates | None = None,
        plate_size: Callable[[Size], Size] = _own,
    ) -> None:
        self.source, self._options, self._plate_size = source, options, plate_size
        self._copies = prepared or PreparedPlates()
        self._resized: tuple[Picture, Picture] | None = None

    def at(self, index: int, name: str, picture: Picture, whole: bool = False) -> Fitted:
        """Return the plate of a frame, as large as its ``picture``, or smaller where it is changed, unless ``whole``.

        Raises :class:`omz.errors.OmzError` if there is none.
        """
        raw = self.source.at(index, name)
        return self._noted(raw, self._fit(self._prepared(raw, picture), picture, whole), picture)

    def _fit(self, plate: Picture, picture: Picture, whole: bool) -> Fitted:
        if self._options == _AS_IT_IS:
            return Fitted(plate)
        return fit(plate, picture, self._options, self._copies(plate), self._size(picture, whole))

    def _size(self, picture: Picture, whole: bool) -> Size:
        """Return the size at which a plate is changed."""
        size = picture.shape[0], picture.shape[1]
        return size if whole else self._plate_size(size)

    def _prepared(self, raw: Picture, picture: Picture) -> Picture:
        """Return a plate opaque, and of the size of its picture; the same array for the same plate."""
        if raw.shape == picture.shape:
            return raw
        kept = self._resized
        if kept is None or kept[0] is not raw or kept[1].shape != picture.shape:
            kept = self._resized = raw, resize(without_gaps(raw), (picture.shape[0], picture.shape[1]))
        return kept[1]

    def _noted(self, raw: Picture, fitted: Fitted, picture: Picture) -> Fitted:
        notes = list(fitted.notes)
        if raw.shape[2] == 4:
            notes.append("the plate is partly transparent; its own colours are taken, and grey where it has none")
        if raw.shape[:2] != picture.shape[:2]:
            notes.append(f"the plate is {picture_size(raw)}, resized to the image's {picture_size(picture)}")
        return replace(fitted, notes=tuple(notes))


class VideoPlates(Plates):
    """Plates of the frames of a video, asked for in order.

    A single plate is fitted to the first frame, and stays as it is while the camera stands still; a camera that moves
    is followed from frame to frame. ``fitting`` is that of the last frame; set, the next frame goes on from it.
    """

    fitting: Fitting | None = None
    _moved: tuple[Picture, Fitting, Size, _Done] | None = None

    @property
    def follows(self) -> bool:
        """Whether the plate of a frame depends on the frames before it."""
        is_followed = isinstance(self.source, OnePlate) and self._options.align != "frame"
        return is_followed and self._options != _AS_IT_IS

    def at(self, index: int, name: str, picture: Picture, whole: bool = False) -> Fitted:
        """See :class:`Plates`."""
        raw = self.source.at(index, name)
        plate = self._prepared(raw, picture)
        if not self.follows:
            return self._noted(raw, self._fit(plate, picture, whole), picture)
        old, new = self._copies(plate), Copies(picture)
        if self.fitting is None:
            problem, self.fitting = _measured(old, new, self._options)
        else:
            problem, self.fitting = self._next(self.fitting, old, new, index % _AGAIN == 0)
        done = self._done(plate, old, self.fitting, self._size(picture, whole))
        if done.covered is not None:
            done = replace(done, plate=done.plate.copy())
        return self._noted(raw, _fitted(plate, done, new, problem, self.fitting), picture)

    def _next(self, fitting: Fitting, old: Copies, new: Copies, is_due: bool) -> tuple[str, Fitting]:
        """Return why the plate cannot be found, and what is to be done to it."""
        problem = ""
        if self._options.align == "auto":
            tracked = track(old, new, fitting.homography)
            if tracked is not None and not tracked.is_still:
                tracked = track(old, new, tracked.homography, exact=True) or tracked
                fitting = Fitting(fitting.gains, tracked.homography)
            elif tracked is None and is_due:  # its points were lost
                problem, found = _aligned(old, new)
                if found.homography is not None:
                    fitting = replace(found, gains=fitting.gains)
        if is_due and self._options.match_exposure == "auto":
            gains = _gains(old, new, fitting)
            if max(abs(new / old - 1) for new, old in zip(gains, fitting.gains, strict=True)) > _STEADY:
                fitting = replace(fitting, gains=gains)
        return problem, fitting

    def _done(self, plate: Picture, copies: Copies, fitting: Fitting, size: Size) -> _Done:
        """Return the plate as it is in use; the same array while nothing changes."""
        kept = self._moved
        if kept is None or kept[0] is not plate or kept[1] is not fitting or kept[2] != size:
            kept = self._moved = plate, fitting, size, _done(plate, copies, fitting, size)
        return kept[3]


@dataclass(frozen=True)
class _Done:
    """What is made of a plate, and a mask of where it reaches, None for everywhere."""

    plate: Picture
    covered: NDArray[np.bool_] | None = None


def _done(plate: Picture, copies: Copies, fitting: Fitting, size: Size) -> _Done:
    """Return what ``fitting`` makes of a ``plate``: of its copy of a ``size``, where there is anything to do."""
    if fitting.gains == SAME and fitting.homography is None:
        return _Done(plate)
    small = copies.sized(size)
    if fitting.gains != SAME:
        small = scale_channels(small, fitting.gains)
    if fitting.homography is None:
        return _Done(small)
    return _Done(*move(small, rescaled(fitting.homography, scaling(plate.shape, size)), fitting.field))


def _fitted(plate: Picture, done: _Done, picture: Copies, problem: str, fitting: Fitting) -> Fitted:
    """Return what was ``done`` to a ``plate``, with the ``picture`` where it does not reach or its highlights are lost.

    What lies beyond the plate is written in place.
    """
    seen = picture.sized((done.plate.shape[0], done.plate.shape[1]))
    fitted = restore_highlights(done.plate, seen, fitting.gains)
    if done.covered is not None:
        fill(fitted, done.covered, seen)
    small = None if seen is picture.picture else seen
    return Fitted(fitted, (), problem, fitting, _shift(fitting, plate), small)


def fit(
    plate: Picture,
    picture: Picture,
    options: PlateOptions,
    prepared: Copies | None = None,
    size: Size | None = None,
) -> Fitted:
    """Return ``plate`` fitted to ``picture``, both uint8 BGR (H, W, 3) of one size.

    What there is to do is measured on copies, and done once; ``prepared`` are those of the plate, if there are any. A
    plate that has to be changed is changed at ``size`` (height, width), by default that of the picture.
    """
    new, old = Copies(picture), prepared or Copies(plate)
    problem, fitting = _measured(old, new, options)
    done = _done(plate, old, fitting, size or new.size(max(picture.shape)))
    return _fitted(plate, done, new, problem, fitting)


def _measured(plate: Copies, picture: Copies, options: PlateOptions) -> tuple[str, Fitting]:
    """Return why a plate cannot be aligned, and what is to be done to it."""
    problem, fitting = "", Fitting()
    if options.align != "off":
        problem, fitting = _aligned(plate, picture)
    if options.match_exposure == "auto":
        fitting = replace(fitting, gains=_gains(plate, picture, fitting))
    return problem, fitting


def _gains(plate: Copies, picture: Copies, fitting: Fitting) -> Gains:
    """Return the gains of a plate that is moved as ``fitting`` says."""
    if fitting.homography is None:
        return matching_gains(plate.small, picture.small)
    moved, covered = move_small(plate, fitting.homography, fitting.field)
    return matching_gains(moved, picture.small, covered)


def _aligned(plate: Copies, picture: Copies) -> tuple[str, Fitting]:
    """Return why a plate cannot be aligned, and how it has to be moved."""
    tracked = track(plate, picture)
    if tracked is not None and tracked.is_still:
        return "", Fitting()
    found = find_movement(plate, picture, None if tracked is None else tracked.homography)
    if found.reason:
        return _problem(found.reason, plate, picture), Fitting()
    if found.is_still:
        return "", Fitting()
    return "", Fitting(SAME, found.homography, found.field)


def _problem(reason: str, plate: Copies, picture: Copies) -> str:
    """Return what to do about a plate that could not be aligned; nothing where it need not be."""
    enough = _LIKE_AND_PLAIN if reason.startswith(_NOT_COUNTING) else _LIKE
    if likeness(plate.small, picture.small) >= enough:
        return ""
    return (
        f"the plate is used as it is, not aligned: {reason}; "
        "take it again from the same place, with the same zoom, or do without: --plate none"
    )


def _shift(fitting: Fitting, plate: Picture) -> float:
    if fitting.homography is None:
        return 0.0
    return corner_shift(fitting.homography, plate)
