"""Requests that threads share: which of them a call gets."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from omz.models import shared_requests
from omz.models.shared_requests import SharedRequests

ONE, OTHER = np.zeros((4, 5, 3), np.uint8), np.zeros((6, 7, 3), np.uint8)


@dataclass
class Requests:
    """Requests for images of one size, or of any; they tell who ran."""

    size: tuple[int, ...] | None = None
    network = SimpleNamespace(shapes=lambda size: {"picture": size})

    def infer(self, picture: np.ndarray, plate: Any, small: Any = None) -> str:
        assert self.size in (None, picture.shape[:2])
        return "alone" if self.size is None else "many"


def test_a_call_never_gets_requests_for_the_size_of_another_call():
    def compiled(size: tuple[int, int]) -> Any:
        if size == ONE.shape[:2]:  # and meanwhile images of another size come, and are compiled for, too
            assert [shared.infer(OTHER, None) for _ in range(shared_requests._SAME)][-1] == "many"
        return Requests(size)

    class Overlapped(Requests):
        def infer(self, picture: np.ndarray, plate: Any, small: Any = None) -> str:
            if plate is not None:
                found.extend(shared.infer(ONE, None) for _ in range(shared_requests._SAME))
            return super().infer(picture, plate, small)

    found: list[str] = []
    shared = SharedRequests(Overlapped(), compiled)  # type: ignore[arg-type]
    shared.infer(ONE, ONE)
    assert found == ["alone"] * (shared_requests._SAME - 1) + ["many"]
