"""Files of results: the suffix of a file says how it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from omz.atomic import whole_file
from omz.benchmark.results import BenchmarkRun
from omz.benchmark.stored import write_json
from omz.benchmark.table import write_csv, write_markdown
from omz.errors import OmzError, UsageError, os_reason
from omz.extras import require

_Writer = Callable[[TextIO, Sequence[BenchmarkRun]], None]


def check_outputs(paths: Sequence[Path]) -> None:
    """Raise before anything is measured for files that could not be written afterwards.

    That is a :class:`UsageError` for an unknown suffix or a folder that is not there, and an
    :class:`omz.errors.EngineError` for a page without the packages that draw it.
    """
    for path in paths:
        if path.suffix not in _WRITERS:
            raise UsageError(f"-o {path}: the suffix says how to write it; there are {', '.join(_WRITERS)}")
        if path.is_dir():
            raise UsageError(f"-o {path} is a folder; name a file in it")
        if not path.parent.is_dir():
            raise UsageError(f"-o {path}: there is no folder {path.parent}; make it, or name another")
        if path.suffix == ".html":
            require("jinja2", "matplotlib")


def write_results(paths: Sequence[Path], runs: Sequence[BenchmarkRun]) -> None:
    """Write runs to files, each whole or not at all. Raises :class:`OmzError` for one that cannot be written."""
    for path in paths:
        try:
            with (
                whole_file(path) as temporary,
                temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
            ):
                _WRITERS[path.suffix](file, runs)
        except OSError as error:
            raise OmzError(f"{path} cannot be written: {os_reason(error)}; name another file by -o") from error


def _write_page(file: TextIO, runs: Sequence[BenchmarkRun]) -> None:
    from omz.benchmark.page import page_html  # needs the extra accuracy

    file.write(page_html(runs))


_WRITERS: Mapping[str, _Writer] = {
    ".json": write_json, ".csv": write_csv, ".html": _write_page, ".md": write_markdown,
}  # fmt: skip
