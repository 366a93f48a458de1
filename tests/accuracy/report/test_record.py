from __future__ import annotations

import io
import json
import math

import pytest
from accuracy.report.evaluations import HOSTILE, LABELS, evaluated, frame, typical

from omz.accuracy.comparison import ModelFrame
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.record import VERSION, write_report_json
from omz.accuracy.verdict import Reference


def written(evaluation: Evaluation) -> str:
    file = io.StringIO()
    write_report_json(file, evaluation)
    return file.getvalue()


def read(text: str) -> dict:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_all_records_read_back_as_they_were():
    evaluation = typical()
    report = read(written(evaluation))
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
    gates = read(written(typical()))["gates"]
    assert [(gate["value"], gate["passed"]) for gate in gates] == [
        (2e-6, True),
        (0.25, False),
        (None, False),
        (None, False),
    ]
    nothing = evaluated([frame(0, truth=False)])
    nothing.summaries["FP16"].figures["MAD"] = math.nan
    assert read(written(nothing))["summaries"]["FP16"]["figures"] == {"MAD": None}


def test_one_clip_has_no_range_and_a_lost_alpha_no_ends():
    bad = frame(1)
    bad.models["FP16"] = ModelFrame({}, 1.0, None, None, "2 pixels of alpha are no numbers")
    report = read(written(evaluated([frame(0), bad])))
    told = report["differences"]["FP16"]["MAD"]
    assert told == {"difference": pytest.approx(0.6), "low": None, "high": None, "groups": 1, "is_clear": False}
    lost = report["frames"][1]["models"]["FP16"]
    assert (lost["lowest"], lost["highest"]) == (None, None)
    assert report["summaries"]["FP16"]["highest"] == 0.8


def test_references_stand_beside_what_each_model_gave():
    references = (Reference("MAD", 4.35), Reference("MAD", 2.5, rel_threshold=0.1, two_sided=True, of="std"))
    mean, spread = read(written(evaluated([frame(0), frame(2)], references=references)))["references"]
    assert (mean["name"], mean["value"], mean["tolerance"]) == ("MAD", 4.35, None)
    assert mean["figures"] == pytest.approx({"original": 11.1, "FP32": 11.4, "FP16": 11.7})
    assert (spread["name"], spread["tolerance"], spread["two_sided"]) == ("MAD@std", 0.25, True)
    assert spread["figures"] == pytest.approx(dict.fromkeys(LABELS, 1))
    assert read(written(typical()))["references"] == []


def test_a_frame_at_a_time_is_written_as_all_at_once():
    for evaluation in (typical(), evaluated([frame(0)])):
        text = written(evaluation)
        assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"


def test_times_alone_tell_two_runs_apart():
    texts = [written(evaluated([frame(0, slower=slower), frame(1)])) for slower in (0, 5)]
    assert texts[0] != texts[1]
    one, other = map(read, texts)
    assert one.pop("times") != other.pop("times")
    assert json.dumps(one) == json.dumps(other)


def test_hostile_names_stay_what_they_are():
    report = read(written(evaluated([frame(0, (HOSTILE, "b"), name=HOSTILE)], (HOSTILE, "b"), title=HOSTILE)))
    assert report["title"] == report["frames"][0]["name"] == next(iter(report["models"])) == HOSTILE
