"""List of files that failed, as a text that people read while a watch goes on."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from omz.atomic import whole_file
from omz.cutout.image_files import NoPlaceError
from omz.errors import os_reason


class FailureList:
    """Text file with a line for each file that failed and has not changed since; without any, there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[Path, str] = {}
        self._written: str | None = None

    def add(self, path: Path, problem: str) -> None:
        """Note a failure; without a ``problem``, that there is none any more."""
        self._lines.pop(path, None)
        if problem:
            self._lines[path] = problem

    def keep(self, there: Container[Path]) -> None:
        """Forget files that are gone, and write the list."""
        self._lines = {path: line for path, line in self._lines.items() if path in there}
        self.write()

    def write(self) -> None:
        """Write the list if it has changed. Raises :class:`NoPlaceError` where that cannot be."""
        text = "".join(f"{line}\n" for line in self._lines.values())
        if text == self._written:
            return
        try:
            if text:
                with whole_file(self._path) as temporary:
                    temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise NoPlaceError(
                f"{self._path} cannot be written: {os_reason(error)}; free the disk, then start again"
            ) from error
        self._written = text
