from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from helpers.benchmarks import figures, row, run_of

DRIFT = np.exp(np.random.default_rng(0).normal(size=12)).tolist()  # a machine that is many times as slow in some rounds


def test_a_ratio_holds_while_the_machine_drifts():
    run = run_of(row("a", [10 * each for each in DRIFT]), row("b", [8 * each for each in DRIFT]))
    found = run.speed(run.rows[1])
    assert math.isclose(found.median, 1.25)
    assert found.is_clear
    assert found.low > 1.2


def test_noise_alone_is_seldom_called_a_difference():
    generator, called = np.random.default_rng(1), 0
    for _ in range(400):
        one, two = np.exp(generator.normal(scale=0.3, size=(2, 12))) * DRIFT
        run = run_of(row("a", one.tolist()), row("b", two.tolist()))
        called += run.speed(run.rows[1]).is_clear
    assert called / 400 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_groups_that_never_ran_together_are_compared_through_the_first():
    first = row("a", [10.0] * 24)
    run = run_of(first, row("b", [5.0] * 12), row("c", [2.5] * 12, first=12))
    assert run.speed(run.rows[2], run.rows[1]).median == 2
    assert run.speed(run.rows[2]).median == 4


def test_int8_is_compared_with_float_that_is_executed_in_the_same_way():
    bf16 = replace(row("a", [5.0], precision="FP16@bf16"), figures=replace(figures([5.0]), precision="bf16"))
    run = run_of(bf16, row("a", [10.0]), row("a", [8.0], precision="FP16-INT8"), row("a", [9.0], precision="FP32"))
    assert run.made_of(run.rows[2]) is run.rows[1]
    assert run.made_of(run.rows[1]) is None
    other = row("a", [8.0], precision="FP16-INT8@bf16")
    assert run_of(run.rows[1], bf16, other).made_of(other) is bf16
    assert run_of(run.rows[0], run.rows[2]).made_of(run.rows[2]) is bf16  # the only one there


def test_without_common_rounds_nothing_is_said():
    run = run_of(row("a", [10.0] * 12), row("b", [5.0] * 12, first=50))
    assert math.isnan(run.speed(run.rows[1]).median)
    assert math.isnan(run_of(row("a", reason="none")).speed(row("b", [1.0])).median)
