"""Inference on many images at a time, in order, and their mattes: the one path of pixels from here to any user."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import cv2
import numpy as np

from omz.errors import OmzError
from omz.images.arrays import Picture, Pixels, Size
from omz.images.compositing import to_uint8
from omz.images.foreground import foreground_levels
from omz.images.geometry import limit_side
from omz.images.refining.alpha import WORKING_SIDE, refine_alpha
from omz.images.refining.enlarging import Depth as AnyDepth
from omz.images.refining.enlarging import in_levels
from omz.images.refining.repairs import Refined, Repairs, Steps
from omz.matting.network import OWN_SIZE, Matte, MattingNetwork, NetworkInput, Pair, Trimap, View, full_trimap
from omz.matting.readings import check_output
from omz.matting.roles import Roles
from omz.matting.uint8_graph import ALPHA, FOREGROUND, TRIMAP, normal_roles
from omz.runtime.engine import Tensor
from omz.runtime.openvino_engine import OpenVINOEngine, Request

Item = TypeVar("Item")
Depth: TypeAlias = type[np.uint8] | type[np.uint16]


@dataclass(frozen=True)
class PixelMatte:
    """``alpha`` (H, W) uint8 or uint16, ``foreground`` (H, W, 3) uint8 BGR, at the size of the image.

    ``trimap`` is None for networks that give none. ``repairs`` say what the refinement did to alpha.
    """

    alpha: Pixels
    foreground: Picture
    trimap: Trimap | None
    repairs: Repairs


@dataclass(frozen=True)
class Inferred:
    """The input of a network, its outputs, and the time of inference in milliseconds.

    ``states`` are the inputs that remember it for the next frame, by their names.
    """

    given: NetworkInput
    outputs: dict[str, Tensor]
    milliseconds: float
    states: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass
class Memory:
    """What a recurrent network remembers of the last frame of a video, by its inputs; empty before the first."""

    states: Mapping[str, Tensor] = field(default_factory=dict)


class MattingRequests:
    """Inference requests of a network that mattes several images at a time.

    ``engine`` runs a model changed by :func:`omz.matting.uint8_graph.uint8_graph`; ``view`` is that of
    :class:`MattingNetwork`, ``refine`` has the steps of the refinement of alpha, None: no such. ``requests`` run at a
    time, by default one more than the device works on, so that it never waits. ``dtype`` is the type of alpha; uint16
    needs float alpha of the model. ``only`` is the size (height, width) of all images that will come, if that is known:
    see :meth:`at`.
    """

    def __init__(
        self,
        engine: OpenVINOEngine,
        view: View = OWN_SIZE,
        refine: Steps | None = None,
        requests: int | None = None,
        dtype: Depth = np.uint8,
        only: Size | None = None,
    ) -> None:
        self.network = MattingNetwork(engine, view, normal_roles(engine))
        self._count, self._dtype, self._refine = requests, dtype, refine
        if only is not None:
            engine = self._fixed(engine, only)
        self._run_by(engine)

    def _run_by(self, engine: OpenVINOEngine) -> None:
        self.engine = engine
        count = self._count or engine.best_requests + 1
        self._requests = [engine.request() for _ in range(count)]

    def at(self, size: Size) -> MattingRequests:
        """Return requests that do the same for images of one ``size`` (height, width), faster: compiled for them.

        Raises :class:`omz.errors.EngineError`.
        """
        engine = self._fixed(self.engine, size)
        if engine is self.engine:
            return self
        fixed = copy(self)
        fixed._run_by(engine)
        return fixed

    def _fixed(self, engine: OpenVINOEngine, size: Size) -> OpenVINOEngine:
        shapes = self.network.shapes(size)
        if all(info.shape == shapes.get(info.name, info.shape) for info in engine.inputs):
            return engine
        return engine.at(shapes)

    @property
    def requests(self) -> int:
        """How many images are worked on at a time."""
        return len(self._requests)

    def plate_size(self, size: Size) -> Size:
        """Return the size of all that is ever seen of a plate whose image has ``size``, (height, width) both.

        It is smaller than that where the network sees images at the size at which alpha is refined.
        """
        seen = self.network.seen_size(size)
        return seen if seen == limit_side(size, WORKING_SIDE) else size

    def infer(self, picture: Picture, plate: Picture | None, small: Picture | None = None) -> Inferred:
        """Return the network's outputs for one image and its plate, a :class:`Pair`, with no frame before it.

        Any number of threads may call it, also while a stream uses these requests. Raises :class:`OmzError`.
        """
        given = self.network.fit(picture, plate, small)
        with self.engine.borrowed() as request:
            request.start(given.tensors)
            return self._inferred(given, request)

    def stream(
        self,
        items: Iterable[Item],
        pictures: Callable[[Item], Pair],
        memory: Memory | None = None,
    ) -> Generator[tuple[Item, Inferred | OmzError], None, None]:
        """Yield each item with the network's outputs for its image and plate, in the order of the items.

        An item that cannot be matted, or whose ``pictures`` raises an :class:`OmzError`, comes with that error, and the
        stream goes on. One stream at a time may use these requests. With a ``memory``, items follow each other: a
        network that remembers goes on from it, one item after the other, and leaves it as it is after the last item.
        """
        if memory is not None and self.network.remembers:
            return self._one_by_one(items, pictures, memory)
        return self._several(items, pictures)

    def _one_by_one(
        self, items: Iterable[Item], pictures: Callable[[Item], Pair], memory: Memory
    ) -> Generator[tuple[Item, Inferred | OmzError], None, None]:
        request = self._requests[0]
        before: NetworkInput | None = None
        for item in items:
            try:
                before = self.network.fit(*pictures(item), before=before)
                request.start({**before.tensors, **memory.states})
            except OmzError as error:
                yield item, error
                continue
            ended = self._ended(item, _Run(before, request), deque())
            if isinstance(ended[1], Inferred):
                memory.states = ended[1].states
            yield ended

    def _several(
        self, items: Iterable[Item], pictures: Callable[[Item], Pair]
    ) -> Generator[tuple[Item, Inferred | OmzError], None, None]:
        idle = deque(self._requests)
        begun: deque[tuple[Item, _Run | OmzError]] = deque()
        before: NetworkInput | None = None
        try:
            for item in items:
                try:
                    before = self.network.fit(*pictures(item), before=before)
                    idle[0].start(before.tensors)
                    begun.append((item, _Run(before, idle.popleft())))
                except OmzError as error:
                    begun.append((item, error))
                while begun and (not idle or isinstance(begun[0][1], OmzError)):
                    yield self._ended(*begun.popleft(), idle)
            while begun:
                yield self._ended(*begun.popleft(), idle)
        finally:
            for item, run in begun:  # of a stream that was closed early
                self._ended(item, run, idle)

    def _ended(self, item: Item, run: _Run | OmzError, idle: deque[Request]) -> tuple[Item, Inferred | OmzError]:
        """Wait for a run and return its outputs; its request is idle then."""
        if isinstance(run, OmzError):
            return item, run
        idle.append(run.request)
        try:
            return item, self._inferred(run.given, run.request)
        except OmzError as error:
            return item, error

    def _inferred(self, given: NetworkInput, request: Request) -> Inferred:
        outputs = request.outputs()
        _check(outputs, self.network.roles, given.fit.padded)
        return Inferred(given, outputs, request.milliseconds, self.network.states(outputs))

    def matte(self, inferred: Inferred) -> PixelMatte:
        """Return the matte in pixels; safe to call from several threads."""
        refined = self._refined(inferred, np.uint8 if self._dtype is np.uint8 else np.float32)
        pixels = levels = refined.alpha
        if self._dtype is np.uint16:
            alpha = np.clip(refined.alpha, 0, 1)
            pixels, levels = in_levels(alpha, np.uint16), to_uint8(alpha)
        elif levels.dtype != np.uint8:
            pixels = levels = to_uint8(refined.alpha)
        return PixelMatte(pixels, self._foreground(inferred, levels), _trimap(inferred), refined.repairs)

    def float_matte(self, inferred: Inferred) -> Matte:
        """Return the matte in float32, of a model with float alpha: that of :meth:`matte` before alpha is rounded."""
        alpha = np.clip(self._refined(inferred, np.float32).alpha, 0, 1)
        foreground = self._foreground(inferred, to_uint8(alpha))
        return Matte(alpha, foreground.astype(np.float32) / np.float32(255), _trimap(inferred))

    def _refined(self, inferred: Inferred, dtype: AnyDepth) -> Refined:
        given, alpha = inferred.given, inferred.outputs[ALPHA][0, ..., 0]
        if self._refine is None:
            return Refined(given.fit.undo(alpha))
        inside = given.fit.inside
        copies = inside(given.small), None if given.small_plate is None else inside(given.small_plate)
        return refine_alpha(given.picture, given.plate, inside(alpha), self._refine, dtype, copies)

    def _foreground(self, inferred: Inferred, alpha: Pixels) -> Picture:
        """Return the foreground at the size of the image, estimated from ``alpha`` in 8 bits if that was refined.

        A network's own foreground goes with its own alpha: beside another one it leaves a fringe.
        """
        if self._refine is None and FOREGROUND in inferred.outputs:
            return _networks_foreground(inferred)
        given = inferred.given
        height, width = given.fit.inner if self._refine is None else limit_side(alpha.shape, WORKING_SIDE)
        is_fine = height >= alpha.shape[0] and width >= alpha.shape[1]
        return foreground_levels(given.picture, alpha, is_fine)


@dataclass(frozen=True)
class _Run:
    given: NetworkInput
    request: Request


def _check(outputs: Mapping[str, Tensor], roles: Roles, size: Size) -> None:
    for reading, count in ((roles.alpha, 1), (roles.foreground, 3), (roles.trimap, 3)):
        if reading is not None:
            check_output(reading, outputs[reading.name].shape, count, size)


def _networks_foreground(inferred: Inferred) -> Picture:
    """Return the network's foreground at the size of the image.

    If the network saw the image resized, only its change to the image is resized and added, so that detail stays.
    """
    given, foreground = inferred.given, inferred.outputs[FOREGROUND][0]
    if not given.fit.is_resized:
        return given.fit.undo(foreground)
    change = cv2.subtract(foreground, given.small, dtype=cv2.CV_16S)
    return cv2.add(given.picture, given.fit.undo(change), dtype=cv2.CV_8U)


def _trimap(inferred: Inferred) -> Trimap | None:
    if TRIMAP not in inferred.outputs:
        return None
    return full_trimap(inferred.given.fit, inferred.outputs[TRIMAP][0].transpose(1, 2, 0))
