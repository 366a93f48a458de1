"""A report: a folder of a page that needs nothing else, and of files for programs."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product, starmap
from pathlib import Path
from typing import Any, TextIO, get_args
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.prediction import OutputRole
from omz.accuracy.report import plots, rows
from omz.accuracy.report.drawing import MARKERS, SERIES
from omz.accuracy.report.figures import figure_names, first_heading, first_model
from omz.accuracy.report.gallery import View, card, heat_colours
from omz.accuracy.report.rows import reference_rows
from omz.accuracy.report.templates import environment
from omz.accuracy.summary import caveat
from omz.accuracy.verdict import Gate
from omz.atomic import whole_file
from omz.errors import UsageError, os_reason
from omz.json_data import json_data
from omz.text import spreadsheet_cell

TIME_COLUMN = "milliseconds"
"""The only column that another run changes."""
_AGREEMENT = ("largest", "mean", "p99.9")
SCHEMA = "omz-accuracy-report"
VERSION = 1
"""Grows when a key changes its meaning or goes; a new key alone does not change it."""
_FRAME_TIMES, _SUMMARY_TIMES = ("milliseconds",), ("median_ms", "p90_ms")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
TIMES = "<!-- times -->", "<!-- /times -->"
"""Marks around all measured times in the page."""
_STOPS = 12  # colours of the bar below a heat map


def write_report(folder: Path, evaluation: Evaluation, views: Sequence[View]) -> None:
    """Write ``report.html``, ``frames.csv``, ``report.json`` and ``junit.xml``, each whole or not at all.

    The same evaluation and views give the same bytes. Of two runs that differ in their times only, ``junit.xml`` is the
    same; the others differ in what :data:`TIMES` enclose, in the column :data:`TIME_COLUMN`, and in the key
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
        raise UsageError(f"{folder} cannot take a report: {os_reason(error)}; choose another folder") from error


def write_frames_csv(file: TextIO, evaluation: Evaluation) -> None:
    """Write the results of each model on each frame, numbers in full.

    Columns are ``name``, ``clip``, ``index``, ``model``, :data:`TIME_COLUMN`, a figure of the convention each with its
    unit, ``lowest`` and ``highest`` alpha, how far each output is from the first model's, and ``problem``. A cell is
    empty where nothing is known; a frame that could not be read has one row, without a model. Text that a spreadsheet
    would take for a formula gets ``'`` in front.
    """
    first, figures = first_model(evaluation), figure_names(evaluation)
    judged: dict[str, Agreement] = {}
    for pair, found in evaluation.agreements.items():
        if pair[0] == first:
            judged |= found
    outputs = [*judged]
    columns = ["name", "clip", "index", "model", TIME_COLUMN]
    for name in figures:
        unit = evaluation.convention.units.get(name)
        columns.append(f"{name} ({unit})" if unit else name)
    columns += ["lowest", "highest", *map(" ".join, product(outputs, _AGREEMENT)), "problem"]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(spreadsheet_cell, columns))
    for result in evaluation.results:
        writer.writerows(_csv_rows(result, first, figures, outputs))


def _csv_rows(result: FrameResult, first: str, figures: Sequence[str], outputs: Sequence[str]) -> Iterator[list[str]]:
    place = [spreadsheet_cell(result.name), spreadsheet_cell(result.clip), str(result.index)]
    if not result.models:
        yield place + [""] * (4 + len(figures) + len(_AGREEMENT) * len(outputs)) + [spreadsheet_cell(result.problem)]
    for label, frame in result.models.items():
        agreements = result.agreements.get((first, label), {})
        values = [frame.milliseconds, *map(frame.figures.get, figures), frame.lowest, frame.highest]
        for output in outputs:
            each = agreements.get(output)
            values += (each.largest, each.mean, each.p99_9) if each else [None] * len(_AGREEMENT)
        yield [*place, spreadsheet_cell(label), *map(_csv_cell, values), spreadsheet_cell(frame.problem)]


def _csv_cell(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def write_report_json(file: TextIO, evaluation: Evaluation) -> None:
    """Write the evaluation as strict JSON: a number that is not finite is null, floats are in full.

    ========================= =====================================================================================
    ``schema``                name and version of this form
    ``title``, ``passed``     what was compared, and whether all gates hold
    ``convention``            its name, region and levels, and the units of its figures
    ``models``                by label, in order, the first judging the others: framework, device, precision
    ``gates``                 label, what, value, limit, passed
    ``summaries``             by label: figures, number of frames, lowest and highest alpha, problems
    ``references``            from elsewhere: name, value, how far one may be from it, and each model's figure
    ``differences``           by label and figure: difference from the first model, its 95 % interval (null of fewer
                              than two clips or pictures, which are ``groups``), is_clear
    ``agreements``            a pair of models each: first, second, cause, outputs by name
    ``frames``                name, clip, index, problem; models by label; agreements as above, without a cause;
                              remarks as below
    ``remarks``               path and message of each, on files of the dataset
    ``provenance``            see :class:`omz.accuracy.provenance.Provenance`
    ``times``                 all that a clock told, and nothing else: ``summaries`` by label (median_ms, p90_ms) and
                              ``frames``, in their order, milliseconds by label
    ========================= =====================================================================================

    Two runs of the same models on the same frames on one machine differ in ``times``, and in nothing else.
    """
    # pydantic would be shorter, but refuses or changes names of files that are not UTF-8.
    json.dump(json_data(_content(evaluation)), file, ensure_ascii=False, allow_nan=False, indent=1)
    file.write("\n")


def _content(evaluation: Evaluation) -> dict[str, Any]:
    convention = evaluation.convention
    summaries, times, agreements = {}, {}, []
    for label, summary in evaluation.summaries.items():
        summaries[label] = _without(summary, _SUMMARY_TIMES)
        times[label] = _part(summary, _SUMMARY_TIMES)
    for pair, each in evaluation.agreements.items():
        agreements.append(_agreement(pair, each, cause=evaluation.causes.get(pair, "")))
    frames, frame_times = [], []
    for result in evaluation.results:
        frames.append(_frame(result))
        frame_times.append({label: frame.milliseconds for label, frame in result.models.items()})
    return {
        "schema": {"name": SCHEMA, "version": VERSION},
        "title": evaluation.title,
        "passed": evaluation.passed,
        "convention": _part(convention, ("name", "region", "levels", "by_index", "units")),
        "models": evaluation.models,
        "gates": [vars(gate) | {"passed": gate.passed} for gate in evaluation.gates],
        "summaries": summaries,
        "references": _references(evaluation),
        "differences": _differences(evaluation),
        "agreements": agreements,
        "frames": frames,
        "remarks": evaluation.remarks,
        "provenance": evaluation.provenance,
        "times": {"summaries": times, "frames": frame_times},
    }


def _references(evaluation: Evaluation) -> list[dict[str, Any]]:
    found = []
    for row in reference_rows(evaluation):
        names = _part(row.reference, ("name", "tolerance"))
        found.append(vars(row.reference) | names | {"figures": row.figures})
    return found


def _differences(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for label, figures in evaluation.differences.items():
        found[label] = {name: vars(each) | {"is_clear": each.is_clear} for name, each in figures.items()}
    return found


def _agreement(pair: Pair, agreements: Mapping[str, Agreement], **more: str) -> dict[str, Any]:
    outputs = {name: vars(each) | {"psnr": each.psnr} for name, each in agreements.items()}
    return {"first": pair[0], "second": pair[1], **more, "outputs": outputs}


def _frame(result: FrameResult) -> dict[str, Any]:
    models = {label: _without(frame, _FRAME_TIMES) for label, frame in result.models.items()}
    return vars(result) | {"models": models, "agreements": list(starmap(_agreement, result.agreements.items()))}


def _part(record: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _without(record: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in names}


def junit_xml(evaluation: Evaluation) -> str:
    """Return a suite with a test case a gate, the model's label being its class; times are left out."""
    counts = {
        "tests": str(len(evaluation.gates)),
        "failures": str(len(evaluation.failed)),
        "errors": "0",
        "skipped": "0",
    }
    top = ElementTree.Element("testsuites", {"name": "omz_accuracy"} | counts)
    suite = ElementTree.SubElement(top, "testsuite", {"name": _xml_text(evaluation.title)} | counts)
    for gate in evaluation.gates:
        _add(suite, gate)
    ElementTree.indent(top)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(top, encoding="unicode")}\n'


def _add(suite: ElementTree.Element, gate: Gate) -> None:
    names = {"classname": _xml_text(gate.label), "name": _xml_text(gate.what)}
    case = ElementTree.SubElement(suite, "testcase", names)
    if not gate.passed:
        message = f"{_xml_text(gate.what)}: {gate.value!r}, allowed {gate.limit!r}"
        failure = ElementTree.SubElement(case, "failure", {"message": message, "type": "gate"})
        failure.text = f"{_xml_text(gate.label)}: {message}"


def _xml_text(value: str) -> str:
    """Return text with a mark in the place of each character that XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", value)


def page_html(evaluation: Evaluation, views: Sequence[View]) -> str:
    """Return the page: verdict, scores, agreement, frames, time, ``views`` of the worst frames, and where it is from.

    Names are escaped wherever they stand, and a policy in the page keeps the browser from fetching or running anything.
    """
    return environment("omz.accuracy.report").get_template("page.html.j2").render(
        evaluation=evaluation,
        first=first_model(evaluation),
        error=first_heading(evaluation),
        failed=evaluation.failed,
        scores=rows.score_rows(evaluation),
        has_ranges=rows.has_ranges(evaluation),
        ranges_note=caveat(rows.intervals(evaluation)),
        references=rows.reference_rows(evaluation),
        agreements=rows.agreement_rows(evaluation),
        roles=get_args(OutputRole),
        speeds=rows.speed_rows(evaluation),
        problems=rows.problem_rows(evaluation),
        remarks=rows.remark_rows(evaluation),
        score_plot=plots.score_plot(evaluation),
        distance_plot=plots.distance_plot(evaluation),
        trade_off_plot=plots.trade_off_plot(evaluation),
        described=rows.described(evaluation),
        many=len(evaluation.results) > plots.MANY,
        views=[card(view, evaluation) for view in views],
        heat=_heat_bar(),
        command=shlex.join(evaluation.provenance.command),
        most_problems=rows.MOST_PROBLEMS,
        markers=MARKERS,
        series=SERIES,
        times=list(map(Markup, TIMES)),
    ) + "\n"  # fmt: skip


def _heat_bar() -> Markup:
    colours = heat_colours(np.linspace(0, 1, _STOPS, dtype=np.float32)[None])[0]
    return Markup(", ".join(f"#{red:02x}{green:02x}{blue:02x}" for blue, green, red in colours.tolist()))
