"""The queue: its bound, deadlines, and clients that leave."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

pytest.importorskip("fastapi")

from starlette.requests import Request
from starlette.types import Message

from omz.cutout.observer import Observer
from omz_demo.serve.answers import GONE, RefusedError
from omz_demo.serve.work import WorkQueue


class Client:
    """A client that leaves after some seconds."""

    def __init__(self, leaves_after: float = 60) -> None:
        self._end = time.monotonic() + leaves_after
        self.request = Request({"type": "http"}, self._receive)

    async def _receive(self) -> Message:
        left = self._end - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        return {"type": "http.disconnect"}


class Endless:
    """Work that ends when it is told to."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def __call__(self, observer: Observer) -> str:
        while not observer.should_stop():
            time.sleep(0.01)
        self.ended.set()
        return "stopped"


def test_work_gives_its_result():
    async def run() -> str:
        return await WorkQueue(1, 0).run(lambda _: "done", Client().request, 5)

    assert asyncio.run(run()) == "done"


def test_an_error_is_raised():
    def wrong(_: Observer) -> str:
        raise RefusedError(422, "wrong")

    async def run() -> None:
        await WorkQueue(1, 0).run(wrong, Client().request, 5)

    with pytest.raises(RefusedError, match="wrong"):
        asyncio.run(run())


@pytest.mark.parametrize(("leaves_after", "seconds", "status"), [(60, 0.2, 504), (0.2, 20, GONE)])
def test_work_is_told_to_stop(leaves_after, seconds, status):
    work = Endless()

    async def run() -> None:
        await WorkQueue(1, 0).run(work, Client(leaves_after).request, seconds)

    with pytest.raises(RefusedError) as caught:
        asyncio.run(run())
    assert caught.value.status == status
    assert work.ended.wait(5)


def test_work_that_waits_is_dropped():
    first, second = Endless(), Endless()

    async def run() -> None:
        queue = WorkQueue(1, 1)
        running = asyncio.ensure_future(queue.run(first, Client().request, 1))
        await asyncio.sleep(0.1)
        with pytest.raises(RefusedError):
            await queue.run(second, Client().request, 0.2)
        with pytest.raises(RefusedError):
            await running
        queue.close()

    asyncio.run(run())
    assert first.ended.is_set()
    assert not second.ended.is_set()


def test_there_are_so_many_places():
    queue = WorkQueue(2, 1)
    for _ in range(3):
        queue.admit()
    with pytest.raises(RefusedError) as caught:
        queue.admit()
    assert caught.value.status == 429
    assert int(caught.value.headers["Retry-After"]) >= 1
    queue.leave()
    queue.admit()
