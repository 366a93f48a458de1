"""Pipes that stand for files, such as ``<(cat photo.png)``: read once, and never waited for without end."""

from __future__ import annotations

import os
import re
import select
import stat
from pathlib import Path
from typing import BinaryIO

from omz.errors import UsageError, os_reason

WAIT = 20.0
"""Seconds in which the first byte must come."""

_INHERITED = re.compile(r"/dev/stdin|/(?:dev|proc/self)/fd/(?P<number>\d+)")


def is_pipe(path: str | Path) -> bool:
    """Tell whether a path is that of a pipe, or of what a process was given open, such as ``/dev/stdin``."""
    if _INHERITED.fullmatch(str(path)):
        return os.path.exists(path)
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def open_pipe(path: str | Path) -> BinaryIO:
    """Open a pipe once its first byte is there, or its end.

    Raises :class:`UsageError` for one that cannot be opened, and where nothing comes within :data:`WAIT`.
    """
    try:
        descriptor = _descriptor(str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be opened: {os_reason(error)}; name a file") from error
    stream = os.fdopen(descriptor, "rb")
    bytes_come = select.poll()
    bytes_come.register(descriptor, select.POLLIN)
    if not stream.isatty() and not bytes_come.poll(1000 * WAIT):
        stream.close()
        raise UsageError(f"nothing has come through {path} for {WAIT:g} seconds; write into it, or name a file")
    os.set_blocking(descriptor, True)
    return stream


def _descriptor(path: str) -> int:
    inherited = _INHERITED.fullmatch(path)
    if inherited is not None:
        return os.dup(int(inherited["number"] or 0))
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # which waits for nobody who writes
