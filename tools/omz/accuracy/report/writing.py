"""A report: a folder of four files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.frames_table import write_frames_csv
from omz.accuracy.report.junit import junit_xml
from omz.accuracy.report.page import page_html
from omz.accuracy.report.record import write_report_json
from omz.accuracy.report.view import View
from omz.atomic import whole_file
from omz.errors import UsageError


def write_report(folder: Path, evaluation: Evaluation, views: Sequence[View]) -> None:
    """Write ``report.html``, ``frames.csv``, ``report.json`` and ``junit.xml``, each whole or not at all.

    The same evaluation and views give the same bytes. Of two runs that differ in their times only, ``junit.xml`` is the
    same; the others differ in what :data:`page.TIMES` enclose, in the column :data:`frames_table.TIMES`, and in the key
    ``times``. Raises :class:`UsageError` where the folder cannot be written to.
    """
    page, cases = page_html(evaluation, views), junit_xml(evaluation)
    files: dict[str, Callable[[TextIO], object]] = {
        "frames.csv": lambda file: write_frames_csv(file, evaluation),
        "report.json": lambda file: write_report_json(file, evaluation),
        "junit.xml": lambda file: file.write(cases),
        "report.html": lambda file: file.write(page),
    }
    try:
        for name, write in files.items():
            # A file's name may hold bytes that are no text, which Python keeps as lone surrogates.
            with (
                whole_file(folder / name) as temporary,
                temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
            ):
                write(file)
    except OSError as error:
        raise UsageError(f"{folder} cannot take a report: {error.strerror or error}; choose another folder") from error
