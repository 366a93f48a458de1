"""``omz_accuracy``, run in this process, and its reports."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from click.testing import CliRunner, Result

from omz.cli.accuracy import main

FILES = {"frames.csv", "junit.xml", "report.html", "report.json"}


def run(*arguments: object) -> Result:
    """Run it on a wide terminal; nothing it meets ends in a traceback."""
    runner = CliRunner(env={"COLUMNS": "200"})
    result = runner.invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


def report_content(report: Path) -> dict[str, str]:
    """Return the files of a report without what a clock told, which the page has between marks."""
    assert {path.name for path in report.iterdir()} == FILES
    whole = json.loads((report / "report.json").read_text())
    assert whole.pop("times")
    with (report / "frames.csv").open(newline="") as file:
        rows = [{key: value for key, value in row.items() if key != "milliseconds"} for row in csv.DictReader(file)]
    page, marks = re.subn("<!-- times -->.*?<!-- /times -->", "", (report / "report.html").read_text(), flags=re.DOTALL)
    assert marks >= 1
    return {
        "report.json": json.dumps(whole),
        "frames.csv": json.dumps(rows),
        "report.html": page,
        "junit.xml": (report / "junit.xml").read_text(),
    }
