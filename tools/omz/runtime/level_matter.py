"""Mattes of many pictures at a time, in 8 bits, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from copy import copy
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from omz.errors import OmzError
from omz.images.arrays import Picture, Size
from omz.images.compositing import to_uint8
from omz.images.files import Levels
from omz.images.foreground import estimate_foreground
from omz.images.geometry import Fit
from omz.runtime.engine import Tensor
from omz.runtime.matter import FOREGROUND, TRIMAP, Matter, Shown, Trimap, full_trimap
from omz.runtime.openvino_engine import OpenVINOEngine, Request

Item = TypeVar("Item")

_one_at_a_time = threading.Lock()  # the estimator of foregrounds cannot be called by two threads


@dataclass(frozen=True)
class LevelMatte:
    """``alpha`` (H, W) uint8 or uint16, ``foreground`` (H, W, 3) uint8 BGR, at the size of the picture.

    ``trimap`` is None where the network gives none.
    """

    alpha: Levels
    foreground: Picture
    trimap: Trimap | None


@dataclass(frozen=True)
class Inferred:
    """What a network saw, what it gave, and how long that took in milliseconds."""

    shown: Shown
    outputs: dict[str, Tensor]
    milliseconds: float


class LevelMatter:
    """Takes the subject out of many pictures, several at a time, as :class:`Matter` does out of one.

    ``engine`` runs a model adapted by :mod:`omz.runtime.eight_bits`; ``requests`` at a time are begun, by default one
    more than the device works on, so that it never waits. ``deep``
    alpha has 16 bits, of a model that gives floats.
    """

    def __init__(
        self,
        engine: OpenVINOEngine,
        stretch: bool = False,
        size: Size | None = None,
        requests: int | None = None,
        deep: bool = False,
    ) -> None:
        self._matter, self._asked, self._full = Matter(engine, stretch, size), requests, 65535 if deep else 255
        self._run_by(engine)

    def _run_by(self, engine: OpenVINOEngine) -> None:
        self._engine = engine
        self._requests = [engine.request() for _ in range(self._asked or engine.best_requests + 1)]

    def at(self, size: Size) -> LevelMatter:
        """Return what does the same to pictures of one ``size`` (height, width), faster; it is compiled anew for them.

        Raises :class:`omz.errors.EngineError`.
        """
        shapes = {info.name: self._matter.shape(info, size) for info in self._engine.inputs}
        if all(info.shape == shapes[info.name] for info in self._engine.inputs):
            return self
        fixed = copy(self)
        fixed._run_by(self._engine.at(shapes))
        return fixed

    @property
    def matter(self) -> Matter:
        """What tells of the model: whether it takes a plate, the size at which it sees pictures."""
        return self._matter

    @property
    def requests(self) -> int:
        """How many pictures are worked on at a time."""
        return len(self._requests)

    def stream(
        self, items: Iterable[Item], pictures: Callable[[Item], tuple[Picture, Picture | None]]
    ) -> Generator[tuple[Item, Inferred | OmzError], None, None]:
        """Yield each item with what the network gives for its picture and plate, in the order of the items.

        An item that cannot be matted, or whose ``pictures`` raises an :class:`OmzError`, comes with the error; the ones
        after it go on. One stream at a time: the requests are its own.
        """
        idle = deque(self._requests)
        begun: deque[tuple[Item, _Run | OmzError]] = deque()
        before: Shown | None = None
        try:
            for item in items:
                try:
                    before = self._matter.show(*pictures(item), before)
                    idle[0].start(before.tensors)
                    begun.append((item, _Run(before, idle.popleft())))
                except OmzError as error:
                    begun.append((item, error))
                while begun and (not idle or isinstance(begun[0][1], OmzError)):
                    yield _ended(*begun.popleft(), idle)
            while begun:
                yield _ended(*begun.popleft(), idle)
        finally:
            for item, run in begun:  # of which nobody wants to know anymore
                _ended(item, run, idle)

    def cut(self, inferred: Inferred) -> LevelMatte:
        """Return the matte at the picture's size; safe to call from several threads."""
        shown, outputs = inferred.shown, inferred.outputs
        alpha = _levels(shown.fit.undo(outputs[self._matter.alpha][0, ..., 0]), self._full)
        if FOREGROUND in outputs:
            foreground = full_levels(shown.fit, shown.picture, shown.small, outputs[FOREGROUND][0])
        else:
            full = np.iinfo(alpha.dtype).max
            with _one_at_a_time:
                foreground = to_uint8(estimate_foreground(shown.picture, alpha.astype(np.float32) / np.float32(full)))
        trimap = outputs.get(TRIMAP)
        return LevelMatte(
            alpha, foreground, None if trimap is None else full_trimap(shown.fit, trimap[0].transpose(1, 2, 0))
        )


@dataclass(frozen=True)
class _Run:
    shown: Shown
    request: Request


def _ended(item: Item, run: _Run | OmzError, idle: deque[Request]) -> tuple[Item, Inferred | OmzError]:
    """Wait for a run, and return what it gave; its request is idle then."""
    if isinstance(run, OmzError):
        return item, run
    idle.append(run.request)
    try:
        return item, Inferred(run.shown, run.request.outputs(), run.request.milliseconds)
    except OmzError as error:
        return item, error


def full_levels(fit: Fit, picture: Picture, small: Picture, foreground: Picture) -> Picture:
    """Return the network's foreground, (h, w, 3) uint8 BGR, at the picture's size.

    Where the network saw the picture at another size, only what it changed is resized and added to the picture, which
    so keeps its detail.
    """
    if not fit.is_resized:
        return fit.undo(foreground)
    change = cv2.subtract(foreground, small, dtype=cv2.CV_16S)
    return cv2.add(picture, fit.undo(change), dtype=cv2.CV_8U)


def _levels(alpha: Tensor, full: int) -> Levels:
    """Return alpha in levels up to ``full``; bytes are levels already."""
    if alpha.dtype == np.uint8:
        return alpha
    if full == 255:
        return to_uint8(alpha)
    return np.rint(np.clip(alpha, 0, 1) * np.float32(full)).astype(np.uint16)
