"""Folders that only one process works on at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock


@contextlib.contextmanager
def locked_folder(folder: Path, lock_file: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Create ``folder`` if needed, and hold ``lock_file`` in it until the block ends.

    ``on_wait`` is called if another process holds it. A folder that cannot be written is not locked. The lock file is
    empty, and stays. Raises :class:`OSError` if the folder cannot be created or locked.
    """
    with contextlib.ExitStack() as stack:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            lock = filelock.FileLock(folder / lock_file, mode=0o666)  # everyone who shares the folder may lock it
            try:
                stack.enter_context(lock.acquire(blocking=False))
            except filelock.Timeout:
                on_wait()
                stack.enter_context(lock.acquire())
        yield
