"""Frames to their subjects: inference, refined and smoothed alpha, a blurred background."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np

from omz.errors import OmzError
from omz.images.arrays import Pixels
from omz.images.compositing import blur_behind, to_uint8
from omz.images.depth import upper_eight
from omz.images.refinement import Refinement, Smoother, refine
from omz.images.refining.cast_shadow import cast_shadow
from omz.images.refining.enlarging import in_levels
from omz.images.transparency import opacity_within, premultiplied
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.inference import Inferred, MattingRequests, Memory
from omz.matting.network import Pair
from omz.work.pipeline import ahead, in_order
from omz.work.stopwatch import Stopwatch

_WAITING = 2  # frames between two stages


@dataclass(frozen=True)
class MatteOptions:
    """Changes to every matte: ``refinement`` of alpha, ``smooth``-ing over time, ``blur`` of the background.

    ``smooth`` is a strength, 0 to 1. ``blur`` is in pixels; 0 leaves the target as it is. ``keep_shadow`` is for frames
    with a plate.
    """

    refinement: Refinement = field(default_factory=Refinement)
    smooth: float = 0.0
    blur: int = 0
    keep_shadow: bool = False


class MattingStream:
    """Mattes frames, several at a time, in order.

    A ``smoother``, and the ``memory`` of a recurrent network, are for frames that follow each other.
    """

    def __init__(
        self,
        requests: MattingRequests,
        options: MatteOptions,
        pool: ThreadPoolExecutor,
        watch: Stopwatch,
        smoother: Smoother | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._requests, self._options, self._pool, self._watch = requests, options, pool, watch
        self.smoother, self.memory = smoother, memory

    def __call__(self, frames: Iterable[Frame | Failure]) -> Generator[MattedFrame | Failure, None, None]:
        """Yield the subject of each frame, in order; failures before and in this stream take the places of frames.

        A thread reads ``frames``.
        """
        matted = in_order(self._pool, self._matted, ahead(self._inferred(frames), _WAITING), _WAITING)
        if self.smoother is None or not self._options.smooth:
            return matted
        return _smoothed(matted, self.smoother)

    def _inferred(
        self, frames: Iterable[Frame | Failure]
    ) -> Generator[tuple[Frame | Failure, Inferred | OmzError], None, None]:
        waiting = ahead(frames, _WAITING)
        with closing(waiting), closing(self._requests.stream(waiting, _pictures, self.memory)) as stream:
            for item, found in stream:
                if isinstance(found, Inferred):
                    self._watch.add("infer", found.milliseconds / 1e3)
                yield item, found

    def _matted(self, given: tuple[Frame | Failure, Inferred | OmzError]) -> MattedFrame | Failure:
        frame, found = given
        if isinstance(frame, Failure):
            return frame
        if isinstance(found, OmzError):
            return Failure(frame.index, found)
        try:
            return matte_frame(self._requests, frame, found, self._options, self._watch)
        except OmzError as error:
            return Failure(frame.index, error)


def matte_frame(
    requests: MattingRequests, frame: Frame, inferred: Inferred, options: MatteOptions, watch: Stopwatch
) -> MattedFrame:
    """Return the subject of a frame, given what the network inferred; safe to call from several threads.

    Raises :class:`omz.errors.OmzError`.
    """
    with watch("matte"):
        matte = requests.matte(inferred)
        alpha = refine(matte.alpha, options.refinement)
    shadow = _shadow(frame, alpha, options, watch)
    if options.blur:
        with watch("blur"):
            blurred = blur_behind(frame.picture, opacity_within(alpha, frame.opacity), options.blur)
            frame = replace(frame, target=premultiplied(blurred, frame.opacity), is_before_itself=True)
    return MattedFrame(frame, alpha, matte.foreground, matte.trimap, inferred.states, shadow, matte.repairs)


def _shadow(frame: Frame, alpha: Pixels, options: MatteOptions, watch: Stopwatch) -> Pixels | None:
    if not options.keep_shadow or frame.plate is None:
        return None
    with watch("shadow"):
        shadow = cast_shadow(frame.picture, frame.plate, upper_eight(alpha))
        return to_uint8(shadow) if alpha.dtype == np.uint8 else in_levels(shadow, np.uint16)


def _smoothed(
    matted: Generator[MattedFrame | Failure, None, None], smoother: Smoother
) -> Generator[MattedFrame | Failure, None, None]:
    with closing(matted):
        for each in matted:
            if isinstance(each, MattedFrame):
                yield each.with_alpha(smoother(each.alpha))
            else:
                yield each


def _pictures(item: Frame | Failure) -> Pair:
    if isinstance(item, Failure):
        raise item.error
    return Pair(item.picture, item.plate, None if item.fitted is None else item.fitted.small)
