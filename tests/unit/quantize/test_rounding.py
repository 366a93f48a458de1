"""The errors of single layers, beside what numpy makes of the same network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omz.convert.rewrite.ops import floats, ops
from omz.quantize.rounding import rounding_errors
from omz.runtime.quiet_openvino import ov

LEVELS, TOP = 256, 300.0
RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) for shape in ((4, 3), (4, 4), (4, 4), (1, 4))]


def network(path: Path, rounds: bool) -> Path:
    """Write four convolutions of one pixel; the second gets what a FakeQuantize rounds, and has weights of 8 bits."""
    image = ops.parameter([1, 3, 5, 7], np.float32, "image")
    value: ov.Node = image
    for number, weights in enumerate(WEIGHTS):
        kernel: ov.Node = floats(weights[..., None, None])
        if rounds and number == 1:
            value = ops.fake_quantize(value, floats(0), floats(TOP), floats(0), floats(TOP), LEVELS)
            kernel = ops.multiply(ops.convert(ops.constant(in_8_bits(weights)[..., None, None]), "f32"), floats(0.05))
        value = ops.convolution(value, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
        value.set_friendly_name(f"layer{number}")
        value = ops.relu(value)
    model = ov.Model([value], [image], "net")
    model.input(0).set_names({"image"})
    ov.save_model(model, path, compress_to_fp16=False)
    return path


def in_8_bits(weights: np.ndarray) -> np.ndarray:
    return np.round(weights / 0.05).clip(-127, 127).astype(np.int8)


def error(sample: np.ndarray) -> float:
    """Return the error of the second layer."""
    given = np.maximum(np.einsum("oc,chw->ohw", WEIGHTS[0], sample[0].astype(np.float64)), 0)
    rounded = np.round(given.clip(0, TOP) / TOP * (LEVELS - 1)) / (LEVELS - 1) * TOP
    exact = np.einsum("oc,chw->ohw", WEIGHTS[1], given)
    found = np.einsum("oc,chw->ohw", in_8_bits(WEIGHTS[1]) * 0.05, rounded)
    shares = np.sqrt(np.mean((found - exact) ** 2, axis=(1, 2))) / exact.std(axis=(1, 2))
    return float(np.minimum(shares, 1).mean())


def test_only_what_is_rounded_has_an_error_and_it_is_that_of_numpy(tmp_path):
    source, quantised = network(tmp_path / "float.xml", False), network(tmp_path / "int8.xml", True)
    samples = [{"image": RNG.uniform(0, 200, (1, 3, 5, 7)).astype(np.float32)} for _ in range(3)]
    found = rounding_errors(source, quantised, samples)
    assert found == {"layer1": pytest.approx(max(error(sample["image"]) for sample in samples), rel=1e-4)}
    assert rounding_errors(source, source, samples) == {}
