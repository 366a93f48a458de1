from __future__ import annotations

from dataclasses import replace

import numpy as np
from accuracy.report.evaluations import differing, evaluated, frame

from omz.accuracy.agreement import agreement
from omz.accuracy.report.worst import worst


def test_models_take_turns_and_the_worst_comes_first():
    results = [
        replace(frame(n), agreements={("original", "FP32"): differing(one), ("original", "FP16"): differing(other)})
        for n, (one, other) in enumerate(((0.01, 0.1), (0.02, 0.5), (0.03, 0.4)))
    ]
    found = worst(evaluated(results), 4)
    one, other = ("original", "FP32"), ("original", "FP16")
    assert found == [("clip/0001", other), ("clip/0002", one), ("clip/0002", other), ("clip/0001", one)]
    assert len(worst(evaluated(results), 100)) == 6


def test_what_8_bits_cannot_show_comes_last_and_what_is_the_same_never():
    same = {"alpha": agreement(np.zeros(4), np.zeros(4))}
    results = [
        replace(frame(n), agreements={("original", "FP32"): one, ("original", "FP16"): differing(other)})
        for n, (one, other) in enumerate(((differing(1e-6), 0.1), (differing(1e-5), 0.2), (same, 0.0009)))
    ]
    assert [(name[-1], labels[1]) for name, labels in worst(evaluated(results), 9)] == [
        ("1", "FP16"), ("0", "FP16"), ("1", "FP32"), ("0", "FP32"), ("2", "FP16"),
    ]  # fmt: skip


def test_one_model_is_worst_where_its_first_figure_is_highest():
    results = [frame(number, ("a",)) for number in (3, 7, 5)]
    assert worst(evaluated(results, ("a",)), 2) == [("clip/0007", ("a",)), ("clip/0005", ("a",))]


def test_mattes_without_outputs_go_by_their_figures():
    results = [replace(frame(number, ("a", "b")), agreements={("a", "b"): {}}) for number in (3, 7, 5)]
    assert worst(evaluated(results, ("a", "b")), 1) == [("clip/0007", ("a", "b"))]


def test_without_truth_one_model_has_no_worst_frame():
    assert worst(evaluated([frame(0, ("a",), truth=False)], ("a",)), 5) == []
