"""The folders of the user: that of models, and where else these go when it cannot be written."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

_NO = ("", "0", "false", "no", "off")
_NAME = "open-matting-zoo"
_LEAST_ROOM = 16 << 20  # bytes on the disk, which a small model takes


def home_folder() -> Path:
    """Return the models folder: ``OMZ_HOME``, or the system's place for the data of this package."""
    asked = os.environ.get("OMZ_HOME")
    if asked:
        return Path(asked)
    return system_folder("data")


def system_folder(kind: Literal["data", "cache"]) -> Path:
    """Return the system's place for the data of this package, or for its cache.

    A relative path among the variables of the XDG specification counts as none, as that says.
    """
    import platformdirs

    path = platformdirs.user_data_path(_NAME) if kind == "data" else platformdirs.user_cache_path(_NAME)
    if path.is_absolute():
        return path
    return Path(os.path.expanduser("~"), ".cache" if kind == "cache" else ".local/share", _NAME)


def is_offline() -> bool:
    """Return whether ``OMZ_OFFLINE`` forbids downloads."""
    return os.environ.get("OMZ_OFFLINE", "").strip().lower() not in _NO


def can_write(folder: Path) -> bool:
    """Tell whether files can be written below a folder, which need not be there yet, and have room on its disk."""
    if folder.parts[:1] == ("~",):  # nobody knows whose home that is
        return False
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(place))
    if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
        return False
    return shutil.disk_usage(there).free >= _LEAST_ROOM


def log(line: str) -> None:
    """Log a line as a warning of the logger ``omz``."""
    import logging  # takes as long to load as to read an image

    logging.getLogger("omz").warning(line)


tell: Callable[[str], None] = log
"""Takes the line about a folder that cannot be written; commands print it instead."""


def writable(folder: Path, remedy: str = "set OMZ_HOME") -> Path:
    """Return a folder, or where it cannot be written, a temporary one, which goes when this process ends.

    One line says so, by :data:`tell`, with the beginning of a ``remedy``. Raises :class:`OSError` where there is no
    temporary folder either.
    """
    if can_write(folder):
        return folder
    if not _temporary:
        _temporary.append(Path(tempfile.mkdtemp(prefix="omz-")))
        atexit.register(_remove, os.getpid(), _temporary[0])
        tell(
            f"{folder} cannot be written or is full, so a temporary folder has models until this run ends; "
            f"{remedy} to a folder with room"
        )
    return _temporary[0] / folder.name


_temporary: list[Path] = []  # the one of this process, once it is needed


def _remove(process: int, folder: Path) -> None:
    if os.getpid() == process:  # and not one that was forked from it
        shutil.rmtree(folder, ignore_errors=True)
