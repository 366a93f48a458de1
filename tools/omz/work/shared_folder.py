"""Check that all machines of a cluster see one folder: the driver makes a file there, which workers look for."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from omz.errors import EngineError, os_reason

PREFIX = ".omz.cluster."
"""What the names of the files of all runs begin with; each run has one of its own."""
_LATE, _LOOK = 30.0, 0.1  # seconds in which a network file system must show a new file
_UNLOCKED = OSError, NotImplementedError  # what locking a file raises, where another run has it, or nothing can be


@dataclass(frozen=True)
class SharedFolder:
    """A folder of results; ``probe`` is the name of the file that the driver has made in it."""

    folder: str
    probe: str

    def check(self) -> None:
        """Raise :class:`EngineError` where the folder is not the driver's."""
        end = time.monotonic() + _LATE
        while not Path(self.folder, self.probe).exists():
            if time.monotonic() > end:
                raise EngineError(f"{self.folder} is another folder here; all machines must share it")
            time.sleep(_LOOK)


@contextmanager
def shared_folder(folder: Path) -> Iterator[SharedFolder]:
    """Give a folder of this machine, made if it is missing, for workers to check; the file goes with the block.

    Files of runs that were killed go, too: nobody has them locked. Raises :class:`EngineError` where the folder cannot
    be written.
    """
    path = Path(os.path.abspath(folder), f"{PREFIX}{secrets.token_hex(8)}")
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            raise EngineError(f"{path.parent} cannot be written: {os_reason(error)}; choose another place") from error
        stack.callback(path.unlink, missing_ok=True)
        with suppress(*_UNLOCKED):
            stack.enter_context(filelock.FileLock(path).acquire(blocking=False))
        _sweep(path)
        path.touch()  # another run may have taken it for an old one
        yield SharedFolder(str(path.parent), path.name)


def _sweep(own: Path) -> None:
    for path in {*own.parent.glob(f"{PREFIX}*")} - {own}:
        with suppress(*_UNLOCKED), filelock.FileLock(path).acquire(blocking=False):
            path.unlink(missing_ok=True)
