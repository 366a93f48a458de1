"""The graph on bytes: where it converts them, beside the same sums in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from omz.matting.uint8_graph import ALPHA, FOREGROUND, PICTURE, ops, uint8_graph
from omz.runtime.quiet_openvino import core, ov

HEIGHT, WIDTH = 6, 10
IMAGE = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
MOVERS = {"Transpose", "Gather"}


def network(passes_on: bool) -> ov.Model:
    """Return a network whose alpha is the red of its picture, and whose foreground is its negative.

    A third output may pass the picture on. It takes BGR, and reverses channels as converted IRs do.
    """
    picture = ops.parameter([1, 3, HEIGHT, WIDTH], np.float32)
    picture.output(0).get_tensor().set_names({"src"})
    reversed_ = ops.gather(picture, np.array([2, 1, 0]), np.array(1))
    scaled = ops.multiply(reversed_, np.float32(1 / 255))
    red = ops.gather(scaled, np.array([0]), np.array(1))
    outputs = {"pha": red, "fgr": ops.subtract(np.float32(1), scaled)}
    if passes_on:
        outputs["rgb"] = reversed_
    results = []
    for name, value in outputs.items():
        value.output(0).get_tensor().set_names({name})
        results.append(ops.result(value))
    return ov.Model(results, [picture], "net")


@pytest.mark.parametrize("passes_on", [False, True])
def test_images_are_moved_as_bytes_and_computed_the_same(passes_on):
    model = uint8_graph(network(passes_on))
    moved = [node for node in model.get_ordered_ops() if node.get_type_name() in MOVERS]
    images = [node for node in moved if 3 in node.get_output_shape(0)]
    assert len(images) >= 3
    assert {str(node.get_output_element_type(0)) for node in images} == {str(ov.Type.u8)}
    found = core().compile_model(model, "CPU")({PICTURE: IMAGE})
    np.testing.assert_array_equal(found[FOREGROUND], 255 - IMAGE)
    np.testing.assert_array_equal(found[ALPHA][..., 0], IMAGE[..., 2])
