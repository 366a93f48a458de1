"""Memory of the C library, kept for the next frame; and of Python, not looked through while modules are loaded."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8  # of glibc's mallopt
_NEVER = (1 << 31) - 1
_STEP = 64 << 20


def keep_freed_memory() -> None:
    """Let the C library keep freed memory, in one arena for all threads, for all frames of a video need the same.

    Otherwise it returns large arrays to the system, which clears their pages for the next frame: a third of the time
    of scoring a frame. Works with glibc; elsewhere it does nothing. The process keeps the most memory that it ever
    used, so call it only in a process that does one kind of work.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in (
            (_ARENA_MAX, 1), (_MMAP_THRESHOLD, _NEVER), (_TRIM_THRESHOLD, _NEVER), (_TOP_PAD, _STEP),
        ):  # fmt: skip
            mallopt(parameter, value)


def return_freed_memory() -> None:
    """Let the C library return freed memory to the system now. Works with glibc; elsewhere it does nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Keep garbage: what is loaded is none, and to look it all through again and again takes 30 ms and more."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
