"""Files of results, in folders that go after a while."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIFE = 3600.0  # seconds, in which a result can be downloaded


class Results:
    """Folders below ``root``, a new one for each result; those of more than an hour ago are removed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def folder(self) -> Path:
        """Return a new folder."""
        oldest = time.time() - _LIFE
        for each in self._root.iterdir():
            if each.stat().st_mtime < oldest:
                shutil.rmtree(each, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=self._root))

    @contextmanager
    def folder_if_done(self) -> Iterator[Path]:
        """Give a new folder to a block; it goes at once, with all that is in it, where the block does not end well."""
        folder = self.folder()
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
