"""Check that all machines of a cluster see one folder: the driver writes a file there, which workers look for."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omz.errors import EngineError, os_reason

PROBE = ".omz.cluster"
"""The name of the file."""
_LATE, _LOOK = 30.0, 0.1  # seconds in which a network file system must show a new file


@dataclass(frozen=True)
class SharedFolder:
    """A folder of results; ``token`` is what the driver has written to the file in it."""

    folder: str
    token: str

    def check(self) -> None:
        """Raise :class:`EngineError` where the folder is not the driver's."""
        end = time.monotonic() + _LATE
        while not self._is_shared():
            if time.monotonic() > end:
                raise EngineError(f"{self.folder} is another folder here; all machines must share it")
            time.sleep(_LOOK)

    def _is_shared(self) -> bool:
        try:
            return Path(self.folder, PROBE).read_text() == self.token
        except OSError:
            return False


@contextmanager
def shared_folder(folder: Path) -> Iterator[SharedFolder]:
    """Give a folder of this machine, made if it is missing, for workers to check; the file goes with the block.

    Raises :class:`EngineError` where it cannot be written.
    """
    path, token = Path(os.path.abspath(folder), PROBE), secrets.token_hex(8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(token)
    except OSError as error:
        raise EngineError(f"{path.parent} cannot be written: {os_reason(error)}; choose another place") from error
    try:
        yield SharedFolder(str(path.parent), token)
    finally:
        path.unlink(missing_ok=True)
