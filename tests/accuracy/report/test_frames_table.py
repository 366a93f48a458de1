from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

from accuracy.report.evaluations import HOSTILE, LABELS, evaluated, frame, typical

from omz.accuracy.comparison import ModelFrame
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.frames_table import TIMES, write_frames_csv


def read(evaluation: Evaluation) -> list[dict[str, str]]:
    table = io.StringIO(newline="")
    write_frames_csv(table, evaluation)
    table.seek(0)
    return list(csv.DictReader(table))


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def test_every_number_reads_back_as_it_was():
    evaluation = typical()
    rows = read(evaluation)
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
        assert number(row[TIMES]) == done.milliseconds
        assert number(row["MAD (x1e3)"]) == done.figures.get("MAD")
        assert number(row["GRAD (/1e3)"]) == done.figures.get("GRAD")
        assert (number(row["lowest"]), number(row["highest"])) == (done.lowest, done.highest)
        apart = result.agreements.get(("original", label), {}).get("alpha")
        told = [number(row[f"alpha {part}"]) for part in ("largest", "mean", "p99.9")]
        assert told == ([apart.largest, apart.mean, apart.p99_9] if apart else [None] * 3)
        assert row["problem"] == done.problem


def test_a_frame_that_could_not_be_read_has_one_row():
    row = read(typical())[-1]
    assert (row["name"], row["model"], row["problem"]) == ("clip/lost", "", "x.png cannot be read")
    assert row["MAD (x1e3)"] == row[TIMES] == ""


def test_hostile_names_stay_what_they_are():
    rows = read(evaluated([frame(0, (HOSTILE, "b"), name=HOSTILE)], (HOSTILE, "b")))
    assert [(row["name"], row["model"]) for row in rows] == [(HOSTILE, HOSTILE), (HOSTILE, "b")]


def test_what_has_no_alpha_has_no_ends():
    bad = frame(0)
    bad.models["FP16"] = ModelFrame({}, 1.0, None, None, "2 pixels of alpha are no numbers")
    row = read(evaluated([bad, frame(1)]))[2]
    assert (row["model"], row["lowest"], row["highest"]) == ("FP16", "", "")


def test_without_truth_there_are_no_figures():
    rows = read(evaluated([frame(0, truth=False)]))
    assert [row["model"] for row in rows] == [*LABELS]
    assert not any("MAD" in name for name in rows[0])


def test_what_was_not_timed_has_no_time():
    result = frame(0, ("mattes",))
    stored = replace(result, models={"mattes": ModelFrame({"MAD": math.pi}, None, 0, 1)})
    row = read(evaluated([stored], ("mattes",)))[0]
    assert (row[TIMES], row["MAD (x1e3)"]) == ("", repr(math.pi))


def test_times_alone_tell_two_runs_apart():
    one, other = (read(evaluated([frame(0, slower=slower)])) for slower in (0, 5))
    assert one != other
    for row in one + other:
        del row[TIMES]
    assert one == other
