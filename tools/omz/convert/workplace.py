"""Temporary folders of conversions, beside their results; whoever holds the lock file may remove those of others."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from omz.locked import locked_folder

LOCK_FILE = ".omz_converter.lock"
WORKPLACE = ".converting-"
"""The beginning of their names."""


def remove_workplaces(folder: Path) -> None:
    """Remove the temporary folders of killed conversions; the lock has to be held."""
    for rest in folder.glob(f"{WORKPLACE}*"):
        shutil.rmtree(rest, ignore_errors=True)


def clear_after_stop(folder: Path) -> None:
    """Remove what a conversion left that was stopped, unless another one is at work in ``folder``."""
    if not folder.is_dir():
        return
    with contextlib.suppress(_Busy, OSError), locked_folder(folder, LOCK_FILE, _leave):
        remove_workplaces(folder)


class _Busy(Exception):
    pass


def _leave() -> None:
    raise _Busy
