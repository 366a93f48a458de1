"""Stages that work at the same time, with few frames between them: generators, joined by threads."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

_POLL = 0.1  # seconds in which a stage that nobody listens to anymore finds that out


@dataclass(frozen=True)
class _Raised:
    error: BaseException


_END = object()


def ahead(items: Iterable[Made], limit: int) -> Generator[Made, None, None]:
    """Yield ``items``, which a thread takes from their source, at most ``limit`` before they are asked for.

    What the source raises is raised here, in its place. Closing the generator stops the thread and closes the source.
    """
    waiting: queue.Queue[Any] = queue.Queue(limit)
    stopped = threading.Event()

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=_POLL)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            with closing(iterator(items)) as source:
                for item in source:
                    if not put(item):
                        return
            put(_END)
        except BaseException as error:
            put(_Raised(error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item
    finally:
        stopped.set()
        thread.join()


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Given], Made], items: Iterable[Given], limit: int
) -> Generator[Made, None, None]:
    """Yield what ``work`` makes of each item, in the order of the items; at most ``limit`` are at work or waiting."""
    begun: deque[Future[Made]] = deque()
    with closing(iterator(items)) as source:
        try:
            for item in source:
                begun.append(pool.submit(work, item))
                if len(begun) >= limit:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


def iterator(items: Iterable[Made]) -> Generator[Made, None, None]:
    """Return a generator over ``items``, whose closing closes them, if they can be closed."""
    if isinstance(items, Generator):
        return items
    return (item for item in items)
