from __future__ import annotations

import json

import pytest
from accuracy.report.evaluations import HOSTILE, evaluated, frame, typical, view

from omz.accuracy.report.page import TIMES
from omz.accuracy.report.writing import write_report
from omz.errors import UsageError

FILES = ["frames.csv", "junit.xml", "report.html", "report.json"]


def test_four_files_are_written_and_the_same_each_time(tmp_path):
    for folder in ("one", "other"):
        write_report(tmp_path / folder, typical(), [view()])
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_only_times_tell_two_runs_apart(tmp_path):
    for folder, slower in (("one", 0), ("other", 5)):
        write_report(tmp_path / folder, evaluated([frame(0, slower=slower), frame(1)]), [view()])
    one, other = ((tmp_path / folder / "report.html").read_text() for folder in ("one", "other"))
    assert one != other
    assert without_times(one) == without_times(other)


def without_times(page: str) -> str:
    begin, end = TIMES
    assert page.count(begin) == page.count(end) == 1
    return page[: page.index(begin)] + page[page.index(end) :]


def test_names_that_are_no_text_can_be_written(tmp_path):
    name = f"{HOSTILE}\udcff"  # as Python reads the byte FF in a file's name
    write_report(tmp_path, evaluated([frame(0, name=name)], title=name), [])
    assert json.loads((tmp_path / "report.json").read_text())["title"] == name


def test_a_folder_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file cannot take a report: .*; choose another folder"):
        write_report(tmp_path / "file", typical(), [])
    (tmp_path / "taken" / "report.json").mkdir(parents=True)
    with pytest.raises(UsageError, match="it is a folder"):
        write_report(tmp_path / "taken", typical(), [])
