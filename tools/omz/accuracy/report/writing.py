"""A report: a folder of four files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.frames_table import frames_csv
from omz.accuracy.report.junit import junit_xml
from omz.accuracy.report.page import page_html
from omz.accuracy.report.record import report_json
from omz.accuracy.report.view import View
from omz.atomic import whole_file
from omz.errors import UsageError


def write_report(folder: Path, evaluation: Evaluation, views: Sequence[View]) -> None:
    """Write ``report.html``, ``frames.csv``, ``report.json`` and ``junit.xml``, each whole or not at all.

    The same evaluation and views give the same bytes. Of two runs that differ in their times only, ``junit.xml`` is the
    same; the others differ in what :data:`page.TIMES` enclose, in the column :data:`frames_table.TIMES`, and in the key
    ``times``. Raises :class:`UsageError` where the folder cannot be written to.
    """
    files = {
        "frames.csv": frames_csv(evaluation),
        "report.json": report_json(evaluation),
        "junit.xml": junit_xml(evaluation),
        "report.html": page_html(evaluation, views),
    }
    try:
        for name, text in files.items():
            with whole_file(folder / name) as temporary:
                # A file's name may hold bytes that are no text, which Python keeps as lone surrogates.
                temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"{folder} cannot take a report: {error.strerror or error}; choose another folder") from error
