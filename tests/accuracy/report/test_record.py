from __future__ import annotations

import json
import math

from accuracy.report.evaluations import HOSTILE, evaluated, frame, typical

from omz.accuracy.report.record import VERSION, report_json


def read(text: str) -> dict:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_all_records_read_back_as_they_were():
    evaluation = typical()
    report = read(report_json(evaluation))
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
            apart = result.agreements[each["first"], each["second"]]["pha"]
            assert each["outputs"]["pha"]["mean_squared"] == apart.mean_squared
            assert each["outputs"]["pha"]["psnr"] == apart.psnr
    for label, summary in evaluation.summaries.items():
        assert report["summaries"][label]["figures"] == summary.figures
        assert report["summaries"][label]["problems"] == summary.problems
        assert report["times"]["summaries"][label] == {"median_ms": summary.median_ms, "p90_ms": summary.p90_ms}
    interval = evaluation.differences["FP16"]["MAD"]
    assert report["differences"]["FP16"]["MAD"] == {
        "difference": interval.difference, "low": interval.low, "high": interval.high, "is_clear": True,
    }  # fmt: skip
    assert report["provenance"]["models"]["FP16"] == [{"path": "model.xml", "sha256": "ab" * 32}]
    assert report["provenance"]["command"] == ["omz_accuracy", "--name", "a model on frames"]


def test_what_is_no_number_is_null():
    gates = read(report_json(typical()))["gates"]
    assert [(gate["value"], gate["passed"]) for gate in gates] == [
        (2e-6, True),
        (0.25, False),
        (None, False),
        (None, False),
    ]
    nothing = evaluated([frame(0, truth=False)])
    nothing.summaries["FP16"].figures["MAD"] = math.nan
    assert read(report_json(nothing))["summaries"]["FP16"]["figures"] == {"MAD": None}


def test_times_alone_tell_two_runs_apart():
    texts = [report_json(evaluated([frame(0, slower=slower), frame(1)])) for slower in (0, 5)]
    assert texts[0] != texts[1]
    one, other = map(read, texts)
    assert one.pop("times") != other.pop("times")
    assert json.dumps(one) == json.dumps(other)


def test_hostile_names_stay_what_they_are():
    report = read(report_json(evaluated([frame(0, (HOSTILE, "b"), name=HOSTILE)], (HOSTILE, "b"), title=HOSTILE)))
    assert report["title"] == report["frames"][0]["name"] == next(iter(report["models"])) == HOSTILE
