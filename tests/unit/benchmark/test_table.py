from __future__ import annotations

import csv
import io
from dataclasses import replace

from helpers.benchmarks import row, run_of

from omz.benchmark import table

RUN = run_of(
    row("first", [10.0] * 12, error=3.5),
    row("same", [9.0, 11.0] * 6, error=3.6),
    row("fast", [5.0] * 12),
    row("few", [5.0] * 3),
    row("=cmd()", reason="its weights | are *not* here"),
)


def test_speed_is_told_with_its_confidence():
    told = [str(table.speed(RUN, each)) for each in RUN.measured]
    assert told[0] == "1"
    assert told[1].endswith(", within noise")
    assert told[2:] == ["2.00 [2.00, 2.00], faster", "2.00, too few rounds"]


def test_an_int8_row_is_compared_with_what_it_was_made_of():
    run = run_of(row("a", [10.0] * 12), row("a", [12.5] * 12, precision="FP16-INT8"), row("a", [5.0], precision="FP32"))
    assert table.notes(run) == [
        ("a FP16-INT8 OpenVINO CPU 320x320 latency", "speed relative to FP16: 0.80 [0.80, 0.80], slower")
    ]


def test_csv_has_all_rows_and_numbers_in_full():
    file = io.StringIO()
    table.write_csv(file, [RUN])
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [each["model"] for each in rows] == ["first", "same", "fast", "few", "'=cmd()"]
    assert [float(rows[2][name]) for name in ("median_ms", "speed", "speed_low")] == [5, 2, 2]
    assert rows[3]["speed_low"] == rows[2]["MAD"] == rows[4]["median_ms"] == ""
    assert rows[0]["MAD"] == "3.5"
    assert rows[4]["reason"] == "its weights | are *not* here"


def test_csv_has_empty_cells_where_no_round_is_common():
    file = io.StringIO()
    table.write_csv(file, [run_of(row("a", [10.0] * 12), row("b", [5.0] * 12, first=50))])
    told = [*csv.DictReader(io.StringIO(file.getvalue()))][1]
    assert [told[name] for name in ("speed", "speed_low", "speed_high")] == [""] * 3
    assert str(table.speed(run_of(row("a", [1.0])), row("b", [1.0], first=50))) == "-, no common rounds"


def test_markdown_has_a_command_to_copy_and_nothing_without_content():
    different = {"precision": "FP32", "engine": "PyTorch", "device": "GPU", "size": "64x64", "streams": "2"}
    run = run_of(row("a", [10.0]), row("b", [5.0], **different), row("c", reason="its weights are not here"))
    run = replace(
        run,
        command=("omz_benchmark", "-m", "my net.xml"),
        rows=(run.rows[0], replace(run.rows[1], figures=replace(run.rows[1].figures, device="GPU")), run.rows[2]),
    )
    file = io.StringIO()
    table.write_markdown(file, [run])
    assert "omz_benchmark -m 'my net.xml'" in file.getvalue()
    assert "All rows" not in file.getvalue()
    assert "Measured: 2 of 3 models." in file.getvalue()
    assert "zoo" not in file.getvalue().partition("open-matting-zoo")[0]


def test_markdown_shows_text_of_others_as_it_is():
    file = io.StringIO()
    table.write_markdown(file, [RUN])
    lines = file.getvalue().splitlines()
    assert r"| =cmd() FP16 OpenVINO CPU 320x320 latency | its weights \| are \*not\* here |" in lines
    heading = next(line for line in lines if line.startswith("| model"))
    assert "MAD x1e3" in heading
    assert all(line.count("|") == heading.count("|") for line in lines if line.startswith(("| first", "| fast")))
