"""Changes in folders, as the system tells them; where it does not, as on network drives, the folders are polled."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path, PurePath

from omz.errors import ImageError, os_reason
from omz.extras import import_extra

BEAT = 500
"""Milliseconds after which something is yielded even if nothing has changed."""

_GROUPED = 500  # milliseconds of changes that are yielded as one
_POLL = 2000  # milliseconds between two looks at a folder that is polled
_ELSEWHERE = frozenset({
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "gfs2", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip
"""File systems of Linux that other machines write to, of which the kernel here learns nothing."""


def has_events(folder: Path) -> bool:
    """Return whether the system tells of all changes in a folder; not so on a network drive."""
    real = os.path.realpath(folder)
    if sys.platform == "win32":
        return not real.startswith("\\\\")
    with suppress(OSError):  # another system than Linux
        kind = file_system(real, Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))
        return kind not in _ELSEWHERE and (kind == "fuseblk" or not kind.startswith("fuse"))
    return True


def file_system(path: str, mountinfo: str) -> str:
    r"""Return the type of the file system that a real path is on, given the table of mounts, see proc(5).

    Example:
        >>> from omz.cutout.folder_events import file_system
        >>> table = "22 1 8:1 / / rw - ext4 /dev/sda rw\n30 22 0:9 / /mnt/shots rw - nfs4 nas:/shots rw"
        >>> file_system("/mnt/shots/today", table), file_system("/mnt", table)
        ('nfs4', 'ext4')
    """
    found, length = "", -1
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        place = _unescaped(mount.split(" ")[4])
        is_above = PurePath(path).is_relative_to(place)
        if is_above and len(place) >= length:  # of several on one place, the last is seen
            found, length = source.split(" ")[0], len(place)
    return found


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def folder_events(folders: Sequence[Path], recursive: bool, polls: bool) -> Iterator[bool]:
    """Yield whether something has changed: True after changes in folders, False after :data:`BEAT` without any.

    With ``polls``, the folders are polled. The first value comes once the folders are watched, so that what is looked
    at afterwards misses nothing. Raises :class:`ImageError` where they cannot be watched.
    """
    watchfiles = import_extra("watchfiles")
    settings = {
        "watch_filter": None,
        "debounce": _GROUPED,
        "rust_timeout": BEAT,
        "yield_on_timeout": True,
        "force_polling": polls or None,
        "poll_delay_ms": _POLL,
        "recursive": recursive,
        "ignore_permission_denied": polls,  # of inotify, that would hide all that is wrong
    }
    try:
        with closing(watchfiles.watch(*folders, **settings)) as changes:
            yield from map(bool, changes)
    except (OSError, RuntimeError) as error:  # there is a limit to the folders that inotify watches
        names = ", ".join(map(str, folders))
        raise ImageError(f"{names} cannot be watched: {os_reason(error)}") from error
