"""Folders that one process works on at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock


@contextlib.contextmanager
def locked_folder(folder: Path, lock_file: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Make ``folder`` if need be, and let others that ask for ``lock_file`` in it wait until the block ends.

    ``on_wait`` is called where another one has it. A folder that is there and cannot be written is not locked. The lock
    file stays, and is empty. Raises :class:`OSError` where the folder cannot be made or locked.
    """
    with contextlib.ExitStack() as stack:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            lock = filelock.FileLock(folder / lock_file, mode=0o666)  # for all who share the folder
            try:
                stack.enter_context(lock.acquire(blocking=False))
            except filelock.Timeout:
                on_wait()
                stack.enter_context(lock.acquire())
        yield
