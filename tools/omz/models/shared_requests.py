"""Inference for calls with one image each, from any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from omz.errors import EngineError
from omz.images.arrays import Picture, Size
from omz.matting.inference import Inferred, MattingRequests
from omz.runtime.forks import PerProcess

_SAME = 24  # calls that overlap, in a row, with images that the network sees at the same size


class SharedRequests:
    """Runs a call by itself without delay, and calls that overlap so that most are done in a second.

    Overlapping calls begin with the requests that are there, ``alone``. When they have had images of one size for a
    while, ``many`` compiles the model for that size and for throughput, which gives the same mattes.
    """

    def __init__(self, alone: MattingRequests, many: Callable[[Size], MattingRequests]) -> None:
        self.alone, self._many = alone, many
        self._calls = PerProcess(_Calls)

    def infer(self, picture: Picture, plate: Picture | None, small: Picture | None = None) -> Inferred:
        """Return the network's outputs for one image; see :meth:`MattingRequests.infer`."""
        calls = self._calls()
        with calls.lock:
            calls.running += 1
        try:
            requests = self._overlapping(calls, picture) if calls.running > 1 else self.alone
            return requests.infer(picture, plate, small)
        finally:
            with calls.lock:
                calls.running -= 1

    def _overlapping(self, calls: _Calls, picture: Picture) -> MattingRequests:
        size = picture.shape[0], picture.shape[1]
        shapes = self.alone.network.shapes(size)
        with calls.lock:
            if shapes != calls.shapes:
                calls.shapes, calls.same, calls.many = shapes, 0, None
            calls.same += 1
            is_due, many = calls.same == _SAME, calls.many
        if is_due:
            many = self._compiled(size)
            with calls.lock:
                if shapes == calls.shapes:
                    calls.many = many
        return many or self.alone

    def _compiled(self, size: Size) -> MattingRequests | None:
        try:
            return self._many(size)
        except EngineError:  # such as for want of memory
            return None


class _Calls:
    def __init__(self) -> None:
        self.lock = Lock()
        self.running = 0
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.same = 0
        self.many: MattingRequests | None = None
