from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from helpers.evaluations import GATES, HOSTILE, LABELS, evaluated, frame, typical, view

from omz.accuracy.comparison import ModelFrame
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.writing import (
    TIME_COLUMN,
    TIMES,
    VERSION,
    junit_xml,
    write_frames_csv,
    write_report,
    write_report_json,
)
from omz.accuracy.verdict import Gate, Reference
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


def read_csv(evaluation: Evaluation) -> list[dict[str, str]]:
    table = io.StringIO(newline="")
    write_frames_csv(table, evaluation)
    table.seek(0)
    return list(csv.DictReader(table))


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def test_every_number_reads_back_as_it_was():
    evaluation = typical()
    rows = read_csv(evaluation)
    recorded = [(result, label) for result in evaluation.results for label in result.models]
    assert len(rows) == len(recorded) + 1
    for row, (result, label) in zip(rows, recorded, strict=False):
        done = result.models[label]
        assert (row["name"], row["clip"], int(row["index"]), row["model"]) == (
            result.name,
            result.clip,
            result.index,
            label,
        )
        assert number(row[TIME_COLUMN]) == done.milliseconds
        assert number(row["MAD (x1e3)"]) == done.figures.get("MAD")
        assert number(row["GRAD (/1e3)"]) == done.figures.get("GRAD")
        assert (number(row["lowest"]), number(row["highest"])) == (done.lowest, done.highest)
        apart = result.agreements.get(("original", label), {}).get("alpha")
        told = [number(row[f"alpha {part}"]) for part in ("largest", "mean", "p99.9")]
        assert told == ([apart.largest, apart.mean, apart.p99_9] if apart else [None] * 3)
        assert row["problem"] == done.problem


def test_a_frame_that_could_not_be_read_has_one_row():
    row = read_csv(typical())[-1]
    assert (row["name"], row["model"], row["problem"]) == ("clip/lost", "", "x.png cannot be read")
    assert row["MAD (x1e3)"] == row[TIME_COLUMN] == ""


def test_hostile_names_in_the_table_stay_what_they_are():
    rows = read_csv(evaluated([frame(0, (HOSTILE, "b"), name=HOSTILE)], (HOSTILE, "b")))
    assert [(row["name"], row["model"]) for row in rows] == [(HOSTILE, HOSTILE), (HOSTILE, "b")]


def test_what_has_no_alpha_has_no_ends():
    bad = frame(0)
    bad.models["FP16"] = ModelFrame({}, 1.0, None, None, "2 pixels of alpha are no numbers")
    row = read_csv(evaluated([bad, frame(1)]))[2]
    assert (row["model"], row["lowest"], row["highest"]) == ("FP16", "", "")


def test_without_truth_there_are_no_figures():
    rows = read_csv(evaluated([frame(0, truth=False)]))
    assert [row["model"] for row in rows] == [*LABELS]
    assert not any("MAD" in name for name in rows[0])


def test_what_was_not_timed_has_no_time():
    result = frame(0, ("mattes",))
    stored = replace(result, models={"mattes": ModelFrame({"MAD": math.pi}, None, 0, 1)})
    row = read_csv(evaluated([stored], ("mattes",)))[0]
    assert (row[TIME_COLUMN], row["MAD (x1e3)"]) == ("", repr(math.pi))


def test_times_of_the_table_alone_tell_two_runs_apart():
    one, other = (read_csv(evaluated([frame(0, slower=slower)])) for slower in (0, 5))
    assert one != other
    for row in one + other:
        del row[TIME_COLUMN]
    assert one == other


def written(evaluation: Evaluation) -> str:
    file = io.StringIO()
    write_report_json(file, evaluation)
    return file.getvalue()


def read_json(text: str) -> dict:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_all_records_read_back_as_they_were():
    evaluation = typical()
    report = read_json(written(evaluation))
    assert report["schema"] == {"name": "omz-accuracy-report", "version": VERSION}
    assert (report["title"], report["passed"]) == ("a model on frames", False)
    assert report["convention"]["units"] == {"MAD": "x1e3", "MSE": "x1e3", "GRAD": "/1e3", "foreground MSE": "x1e3"}
    assert [*report["models"]] == ["original", "FP32", "FP16"]
    assert report["models"]["FP32"].items() >= {"framework": "OpenVINO", "device": "CPU", "precision": "f32"}.items()
    for told, result, times in zip(report["frames"], evaluation.results, report["times"]["frames"], strict=True):
        assert (told["name"], told["clip"], told["index"]) == (result.name, result.clip, result.index)
        assert told["problem"] == result.problem
        assert times == {label: done.milliseconds for label, done in result.models.items()}
        for label, done in result.models.items():
            expected = {key: getattr(done, key) for key in ("figures", "lowest", "highest", "problem")}
            assert told["models"][label] == expected
        for each in told["agreements"]:
            apart = result.agreements[each["first"], each["second"]]["alpha"]
            assert each["outputs"]["alpha"]["mean_squared"] == apart.mean_squared
            assert each["outputs"]["alpha"]["psnr"] == apart.psnr
    for label, summary in evaluation.summaries.items():
        assert report["summaries"][label]["figures"] == summary.figures
        assert report["summaries"][label]["problems"] == summary.problems
        assert report["times"]["summaries"][label] == {"median_ms": summary.median_ms, "p90_ms": summary.p90_ms}
    interval = evaluation.differences["FP16"]["MAD"]
    assert report["differences"]["FP16"]["MAD"] == {
        "difference": interval.difference, "low": interval.low, "high": interval.high, "groups": 4, "is_clear": False,
    }  # fmt: skip
    assert report["provenance"]["models"]["FP16"] == [{"path": "model.xml", "sha256": "ab" * 32}]
    assert report["provenance"]["command"] == ["omz_accuracy", "--name", "a model on frames"]


def test_what_is_no_number_is_null():
    gates = read_json(written(typical()))["gates"]
    assert [(gate["value"], gate["passed"]) for gate in gates] == [
        (2e-6, True),
        (0.25, False),
        (None, False),
        (None, False),
    ]
    nothing = evaluated([frame(0, truth=False)])
    nothing.summaries["FP16"].figures["MAD"] = math.nan
    assert read_json(written(nothing))["summaries"]["FP16"]["figures"] == {"MAD": None}


def test_one_clip_has_no_range_and_a_lost_alpha_no_ends():
    bad = frame(1)
    bad.models["FP16"] = ModelFrame({}, 1.0, None, None, "2 pixels of alpha are no numbers")
    report = read_json(written(evaluated([frame(0), bad])))
    told = report["differences"]["FP16"]["MAD"]
    assert told == {"difference": pytest.approx(0.6), "low": None, "high": None, "groups": 1, "is_clear": False}
    lost = report["frames"][1]["models"]["FP16"]
    assert (lost["lowest"], lost["highest"]) == (None, None)
    assert report["summaries"]["FP16"]["highest"] == 0.8


def test_references_stand_beside_what_each_model_gave():
    references = (Reference("MAD", 4.35), Reference("MAD", 2.5, rel_threshold=0.1, two_sided=True, of="std"))
    mean, spread = read_json(written(evaluated([frame(0), frame(2)], references=references)))["references"]
    assert (mean["name"], mean["value"], mean["tolerance"]) == ("MAD", 4.35, None)
    assert mean["figures"] == pytest.approx({"original": 11.1, "FP32": 11.4, "FP16": 11.7})
    assert (spread["name"], spread["tolerance"], spread["two_sided"]) == ("MAD@std", 0.25, True)
    assert spread["figures"] == pytest.approx(dict.fromkeys(LABELS, 1))
    assert read_json(written(typical()))["references"] == []


def test_a_frame_at_a_time_is_written_as_all_at_once():
    for evaluation in (typical(), evaluated([frame(0)])):
        text = written(evaluation)
        assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"


def test_times_alone_tell_two_runs_apart():
    texts = [written(evaluated([frame(0, slower=slower), frame(1)])) for slower in (0, 5)]
    assert texts[0] != texts[1]
    one, other = map(read_json, texts)
    assert one.pop("times") != other.pop("times")
    assert json.dumps(one) == json.dumps(other)


def test_hostile_names_stay_what_they_are():
    report = read_json(written(evaluated([frame(0, (HOSTILE, "b"), name=HOSTILE)], (HOSTILE, "b"), title=HOSTILE)))
    assert report["title"] == report["frames"][0]["name"] == next(iter(report["models"])) == HOSTILE


def test_every_gate_is_a_case_and_failures_say_what_was_allowed():
    top = ElementTree.fromstring(junit_xml(typical()).encode())
    suite = top.find("testsuite")
    cases = suite.findall("testcase")
    assert top.tag == "testsuites"
    for each in (top, suite):
        assert (each.get("tests"), each.get("failures"), each.get("errors")) == ("4", "3", "0")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [(gate.label, gate.what) for gate in GATES]
    failures = [case.find("failure") for case in cases]
    assert failures[0] is None
    assert failures[1].get("message") == "alpha: 99.9 % within: 0.25, allowed 0.01"
    assert failures[2].get("message") == "MAD: nan, allowed 1.5"
    assert "FP16" in failures[3].text
    assert "inf" in failures[3].text


def test_without_failures_there_are_none():
    top = ElementTree.fromstring(junit_xml(evaluated([frame(0)], gates=GATES[:1])))
    assert (top.get("tests"), top.get("failures")) == ("1", "0")
    assert not top.findall(".//failure")


def test_names_are_escaped_and_what_xml_cannot_hold_is_marked():
    text = junit_xml(evaluated([frame(0)], gates=[Gate(f"{HOSTILE}\x00\x1b\ud800", "MAD", 2, 1)]))
    case = ElementTree.fromstring(text.encode()).find(".//testcase")
    assert case.get("classname").split("\N{REPLACEMENT CHARACTER}") == [HOSTILE, "", "", ""]


def test_times_leave_no_trace():
    assert junit_xml(evaluated([frame(0)])) == junit_xml(evaluated([frame(0, slower=5)]))
