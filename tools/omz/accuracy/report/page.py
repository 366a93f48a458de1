"""``report.html``: one page that needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import get_args

import jinja2
import numpy as np
from markupsafe import Markup

from omz.accuracy.evaluation import Evaluation
from omz.accuracy.prediction import OutputRole
from omz.accuracy.report import cards, notation, plots, rows
from omz.accuracy.report.drawing import MARKERS, SERIES
from omz.accuracy.report.figures import figure_names, first_model, heading
from omz.accuracy.report.view import View, heat_colours

TIMES = "<!-- times -->", "<!-- /times -->"
"""What a clock told stands between these two, and nowhere else in the page."""

_STOPS = 12  # colours of the bar below a heat map


def page_html(evaluation: Evaluation, views: Sequence[View]) -> str:
    """Return the page: verdict, scores, agreement, frames, time, ``views`` of the worst frames, and where it is from.

    Names are escaped wherever they stand, and a policy in the page keeps the browser from fetching or running anything.
    """
    names = figure_names(evaluation)
    return _environment().get_template("page.html.j2").render(
        evaluation=evaluation,
        first=first_model(evaluation),
        error=heading(evaluation, names[0]) if names else "",
        failed=[gate for gate in evaluation.gates if not gate.passed],
        scores=rows.score_rows(evaluation),
        has_ranges=any(each.has_ends for figures in evaluation.differences.values() for each in figures.values()),
        ranges_note=rows.ranges_note(evaluation),
        references=rows.reference_rows(evaluation),
        agreements=rows.agreement_rows(evaluation),
        roles=get_args(OutputRole),
        speeds=rows.speed_rows(evaluation),
        problems=rows.problem_rows(evaluation),
        score_plot=plots.score_plot(evaluation),
        distance_plot=plots.distance_plot(evaluation),
        trade_off_plot=plots.trade_off_plot(evaluation),
        described=rows.described(evaluation),
        many=len(evaluation.results) > plots.MANY,
        views=[cards.card(view, evaluation) for view in views],
        heat=_heat_bar(),
        command=shlex.join(evaluation.provenance.command),
        most_problems=rows.MOST_PROBLEMS,
        markers=MARKERS,
        series=SERIES,
        times=[Markup(mark) for mark in TIMES],
    ) + "\n"  # fmt: skip


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("omz.accuracy.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = ("figure", "score", "rough", "signed", "milliseconds", "percent")
    environment.filters.update({name: getattr(notation, name) for name in told})
    return environment


def _heat_bar() -> Markup:
    """Return the colours of heat maps as CSS."""
    colours = heat_colours(np.linspace(0, 1, _STOPS, dtype=np.float32)[None])[0]
    return Markup(", ".join(f"#{red:02x}{green:02x}{blue:02x}" for blue, green, red in colours.tolist()))
