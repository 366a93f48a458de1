from __future__ import annotations

import pytest

from omz.accuracy.labels import bare, causes, check_labels, execution, network, pipeline, tolerance_of
from omz.errors import UsageError
from omz.zoo.card import Tolerance


@pytest.mark.parametrize(
    ("label", "weights", "precision"),
    [
        ("FP16@bf16", "FP16", "bf16"),
        ("FP16", "FP16", ""),
        ("a@b.xml", "a@b.xml", ""),
        ("a@b.xml@f16", "a@b.xml", "f16"),
    ],
)
def test_a_label_may_name_a_precision_of_execution(label, weights, precision):
    assert (bare(label), execution(label)) == (weights, precision)


@pytest.mark.parametrize(
    ("label", "weights", "precision", "run_by"),
    [
        ("FP16+fast", "FP16", "", "fast"),
        ("FP16-INT8@bf16+default", "FP16-INT8", "bf16", "default"),
        ("a+fast.xml@f16+best", "a+fast.xml", "f16", "best"),
        ("a+fast.xml", "a+fast.xml", "", ""),
        ("FP16", "FP16", "", ""),
    ],
)
def test_a_label_may_name_a_pipeline(label, weights, precision, run_by):
    assert (bare(label), execution(label), pipeline(label)) == (weights, precision, run_by)
    assert network(label) == weights + (f"@{precision}" if precision else "")


def test_pipelines_are_compared_with_the_first_alone():
    assert [*causes(["FP32", "FP16", "FP16@bf16+fast", "FP32+best"])] == [
        ("FP32", "FP16"),
        ("FP32", "FP16@bf16+fast"),
        ("FP32", "FP32+best"),
    ]


def test_causes_of_differences_that_are_known_are_named():
    found = causes(["original", "FP32", "FP16", "FP16@bf16", "FP16-INT8"])
    assert found["original", "FP32"] == "original to FP32: conversion"
    assert found["FP32", "FP16"] == "FP32 to FP16: weights in half precision"
    assert found["FP16", "FP16@bf16"] == "FP16 to FP16@bf16: execution"
    assert found["FP16", "FP16-INT8"] == "FP16 to FP16-INT8: quantisation"
    assert found["original", "FP16"] == "original to FP16"
    assert causes(["original", "FP32"], "bf16")["original", "FP32"].endswith("conversion, and execution")


def test_the_strictest_tolerance_is_for_f32_throughout():
    tolerance = Tolerance(FP32=1e-3, FP16=1e-2, INT8=1e-1)
    assert tolerance_of("FP32", tolerance) == tolerance_of("FP32@f32", tolerance, "bf16") == 1e-3
    assert tolerance_of("FP32", tolerance, "bf16") == tolerance_of("FP32@f16", tolerance) == 1e-2
    assert tolerance_of("FP16", tolerance) == tolerance_of("net.xml", tolerance) == 1e-2
    assert tolerance_of("FP16-INT8", tolerance) == 1e-1


def test_unknown_variants_are_refused():
    check_labels(["original", "FP32", "FP16-INT8@default", "FP16+plain", "FP32@f16+best"], has_card=True)
    with pytest.raises(UsageError, match="--models FP8: there are original, FP32"):
        check_labels(["FP32", "FP8"], has_card=True)
    for label in ("original+fast", "original@f32", "FP16+quick", "FP16+fast@f32", "+fast", "FP16+fast+best"):
        with pytest.raises(UsageError, match=r"one of @f32, .* and then one of \+plain, \+default"):
            check_labels([label], has_card=True)
    with pytest.raises(UsageError, match="is a variant of a card's model"):
        check_labels(["FP32"], has_card=False)
