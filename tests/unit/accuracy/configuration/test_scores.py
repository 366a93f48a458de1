from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.alphas import reference_levels
from helpers.check_files import with_plate, write_check

from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration
from omz.accuracy.conventions import ScoredFrame

LEVELS = reference_levels()
ALPHA, TRUTH = (each / 255 for each in LEVELS)
FRAME = ScoredFrame(ALPHA, TRUTH, np.dstack([ALPHA] * 3), np.dstack([TRUTH] * 3))


def read_metrics(folder: Path, *metrics: dict) -> ConfiguredEvaluation:
    content = with_plate()
    content["models"][0]["datasets"][0]["metrics"] = list(metrics)
    (evaluation,) = read_configuration(write_check(folder / "c.yml", content))
    return evaluation


@pytest.mark.parametrize(
    ("metric", "unit", "expected"),
    [
        ({"type": "mad"}, "x1e3", 61.0153697),
        ({"type": "mse_with_mask"}, "x1e3", 17.4245232),
        ({"type": "mse_with_mask", "use_mask": True}, "x1e3", 59.1864259),
        ({"type": "spatial_gradient"}, "/1e3", 0.1358332),
        ({"type": "mse_with_mask", "use_mask": True, "process_type": "image"}, "x1e3", 59.1864259),
        ({"type": "mad", "prediction_source": "fgr"}, "x1e3", 61.0153697),
        ({"type": "sad", "convention": "shm"}, "/1e3", 0.1874392),
        ({"type": "mae"}, "of 255", 61.0153697 * 0.255),
        ({"type": "mse"}, "of 255^2", 17.4245232 * 65.025),
    ],
)
def test_the_reference_vector_of_the_field(tmp_path, metric, unit, expected):
    convention = read_metrics(tmp_path, {**metric, "name": "it"}).convention
    assert convention.score(FRAME) == {"it": pytest.approx(expected, abs=6e-8, rel=2e-8)}
    assert convention.units == {"it": unit}


def test_the_mask_is_where_true_alpha_is_above_the_tolerance(tmp_path):
    for tolerance in (0.0, 0.01, 0.5):
        metric = {"type": "mse_with_mask", "use_mask": True, "pha_tolerance": tolerance}
        expected = 1e3 * ((ALPHA - TRUTH)[tolerance < TRUTH] ** 2).mean()
        assert read_metrics(tmp_path, metric).convention.score(FRAME)["mse_with_mask"] == pytest.approx(expected)


def test_where_there_is_no_subject_nothing_is_measured(tmp_path):
    empty = ScoredFrame(ALPHA, np.zeros_like(TRUTH))
    convention = read_metrics(tmp_path, {"type": "mse_with_mask", "use_mask": True}, {"type": "mad"}).convention
    assert set(convention.score(empty)) == {"mad"}


def test_figures_keep_their_names_and_order(tmp_path):
    evaluation = read_metrics(tmp_path, {"type": "mad", "name": "b"}, {"type": "mad", "name": "a"}, {"type": "mad"})
    assert list(evaluation.convention.score(FRAME)) == ["b", "a", "mad"]
    assert (evaluation.convention.name, evaluation.convention.region) == ("omz", "whole")
    mixed = read_metrics(tmp_path, {"type": "sad"}, {"type": "mad"})
    assert mixed.convention.name == "shm and omz"


def test_alpha_is_cut_off_to_8_bits_for_mae_and_mse_alone(tmp_path):
    almost = ScoredFrame(np.full((4, 4), 0.9999 * 2 / 255, np.float32), np.zeros((4, 4)))
    assert read_metrics(tmp_path, {"type": "mae"}).convention.score(almost) == {"mae": pytest.approx(1)}
    assert read_metrics(tmp_path, {"type": "mad"}).convention.score(almost)["mad"] == pytest.approx(1999.8 / 255)


def test_thresholds_go_with_the_mean(tmp_path):
    evaluation = read_metrics(
        tmp_path,
        {"type": "mad", "reference": {"mean": 5, "std": 6}, "threshold": 0.5, "rel_threshold": 0.25, "two_sided": True},
        {"type": "spatial_gradient", "reference": 0, "abs_threshold": 0.125},
        {"type": "mse_with_mask"},
    )
    mean, std, gradient = evaluation.references
    assert (mean.name, mean.value, mean.abs_threshold, mean.rel_threshold, mean.two_sided) == (
        "mad",
        5,
        0.5,
        0.25,
        True,
    )
    assert (std.name, std.value, std.tolerance) == ("mad@std", 6, None)
    assert (gradient.name, gradient.tolerance, gradient.two_sided) == ("spatial_gradient", 0.125, False)
