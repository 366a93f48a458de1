"""Memory that is kept for the next frame."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8  # of glibc's mallopt
_NEVER = (1 << 31) - 1
_STEP = 64 << 20


def keep_freed_memory() -> None:
    """Have the C library keep what is freed, in one place for all threads, for frames of a video are all alike.

    Otherwise it returns large arrays to the system, which has to clear their pages for the next frame: a third of the
    time that a frame takes to be scored. Only glibc can; others stay as they are. The most that was ever in use stays
    with the process, which should do one kind of work.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in (
            (_ARENA_MAX, 1), (_MMAP_THRESHOLD, _NEVER), (_TRIM_THRESHOLD, _NEVER), (_TOP_PAD, _STEP),
        ):  # fmt: skip
            mallopt(parameter, value)
