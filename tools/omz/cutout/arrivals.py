"""Files that arrive in a folder while somebody copies them there: which of them are complete.

A file is complete once it has not changed for a while and no program has it open for writing. Linux tells the latter of
files on disks of its own: nobody gets a read lease on a file that is open for writing, see fcntl(2). Elsewhere only the
time counts, which is longer then.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

STEADY = 1.0
"""Seconds without a change, after which a file that nobody has open for writing is complete."""
STEADY_UNSEEN = 5.0
"""The same where nobody can tell whether it is open."""

_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe in its place is empty


@dataclass(frozen=True)
class Stamp:
    """State of a file: another one after each change, also by a file of the same size and time in its place."""

    inode: int
    size: int
    modified: int
    changed: int


def stamps(paths: Iterable[Path]) -> dict[Path, Stamp]:
    """Return the stamps of those files that are there."""
    found = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:  # it was renamed or removed meanwhile
            continue
        if stat.S_ISREG(status.st_mode):
            found[path] = _stamp(status)
    return found


class Arrivals:
    """Files that were seen, and since when each has been as it is; times are seconds of one clock.

    Example:
        >>> from pathlib import Path
        >>> photo, arrivals = Path("in/a.jpg"), Arrivals()
        >>> arrivals.look({photo: Stamp(1, 100, 0, 0)}, now=0.0)
        >>> arrivals.look({photo: Stamp(1, 200, 0, 0)}, now=0.9)
        >>> arrivals.steady(now=1.5)
        []
        >>> arrivals.steady(now=2.0) == [photo]
        True
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[Stamp, float]] = {}
        self._taken: dict[Path, Stamp] = {}
        self._pending: dict[Path, None] = {}

    def look(self, found: Mapping[Path, Stamp], now: float) -> None:
        """Take note of the files that are there; those that are not are forgotten."""
        seen = {}
        for path, stamp in found.items():
            before = self._seen.get(path)
            seen[path] = before if before is not None and before[0] == stamp else (stamp, now)
        self._seen = seen
        self._taken = {path: stamp for path, stamp in self._taken.items() if path in seen}
        self._pending = {path: None for path, stamp in found.items() if self._taken.get(path) != stamp}

    @property
    def are_pending(self) -> bool:
        """Whether there are files that were not taken as they are now."""
        return bool(self._pending)

    def steady(self, now: float) -> list[Path]:
        """Return the files to take: not taken as they are now, and without a change for :data:`STEADY` seconds."""
        return [path for path in self._pending if self.age(path, now) >= STEADY]

    def stamp(self, path: Path) -> Stamp:
        """Return how a file was when it was seen last."""
        return self._seen[path][0]

    def age(self, path: Path, now: float) -> float:
        """Return for how many seconds a file has been as it is."""
        return now - self._seen[path][1]

    def take(self, path: Path) -> None:
        """Take a file as it was seen last; it counts as new once that changes."""
        self._taken[path] = self._seen[path][0]
        self._pending.pop(path, None)

    def __contains__(self, path: object) -> bool:
        return path in self._seen


def read_complete(path: Path, stamp: Stamp, age: float, is_local: bool) -> bytes | None:
    """Return the content of a file that has been as its ``stamp`` says for ``age`` seconds; None if it may grow.

    It is None, too, if the file changes before its last byte was read. ``is_local`` says that the file is on a disk of
    this system. Raises :class:`OSError` if it cannot be read.
    """
    handle = os.open(path, _READING)
    with open(handle, "rb", buffering=0) as file:
        if not _is_left_alone(handle, age, is_local):
            return None
        content = file.readall()
        if len(content) != stamp.size or not _is_still(path, handle, stamp):
            return None
        if is_local and _lease_error(handle) == errno.EAGAIN:
            return None
    return content


def is_complete(path: Path, stamp: Stamp, age: float, is_local: bool) -> bool:
    """Return whether a file is complete, by the rules of :func:`read_complete`, without reading what is in it.

    Raises :class:`OSError` if it cannot be read.
    """
    handle = os.open(path, _READING)
    with open(handle, "rb", buffering=0):
        return _is_left_alone(handle, age, is_local) and _is_still(path, handle, stamp)


def _is_left_alone(handle: int, age: float, is_local: bool) -> bool:
    """Return whether no program writes a file, as far as the system tells, or else as its ``age`` lets one hope."""
    lease = _lease_error(handle) if is_local else errno.ENOSYS
    is_unseen = lease not in (0, errno.EAGAIN)
    return lease != errno.EAGAIN and not (is_unseen and age < STEADY_UNSEEN)


def _is_still(path: Path, handle: int, stamp: Stamp) -> bool:
    return _stamp(os.fstat(handle)) == stamp == _stamp(path.stat())


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _lease_error(handle: int) -> int:
    """Take a read lease on a file and give it back; return 0, or the error: EAGAIN if it is open for writing."""
    if sys.platform != "linux":
        return errno.ENOSYS
    import fcntl

    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)  # for a writer that comes just now; nobody listens to it
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno or errno.EIO
    return 0
