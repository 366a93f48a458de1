"""A matting model that takes and gives uint8 images: the conversion is compiled in, where it costs least."""

from __future__ import annotations

import numpy as np

from omz.matting.network import ALPHAS, FOREGROUND, TRIMAP, layout_of
from omz.runtime.engine import TensorInfo
from omz.runtime.openvino_engine import layout_letters
from omz.runtime.quiet_openvino import PrePostProcessor, ov

try:
    import openvino.opset13 as ops
except ModuleNotFoundError:  # where OpenVINO 2024 keeps it
    import openvino.runtime.opset13 as ops

_NHWC = (0, 2, 3, 1)


def uint8_graph(model: ov.Model, float_alpha: bool = False) -> ov.Model:
    """Return a matting model whose images are uint8 NHWC BGR on both sides; it may change the model given.

    Alpha and foreground are clipped to 0 to 1 and rounded to the nearest of 256 values. With ``float_alpha``, alpha is
    float32, (1, H, W, 1), as the network gives it: to be resized before it is clipped and rounded, or to have more than
    8 bits. The logits of a trimap stay as they are; other outputs go.
    """
    model = _with_uint8_inputs(model)
    results = []
    for port in model.outputs:
        name, value = port.any_name, port.get_node().input_value(0)
        if name == FOREGROUND:
            value = _as_uint8(value, reverse=True)
        elif name in ALPHAS and float_alpha:
            value = ops.transpose(value, np.array(_NHWC)).output(0)
        elif name in ALPHAS:
            value = _as_uint8(value)
        elif name != TRIMAP:
            continue
        names = port.get_names()
        port.get_tensor().set_names(set())
        result = ops.result(value)
        result.output(0).get_tensor().set_names(names)
        results.append(result)
    return ov.Model(results, model.get_parameters(), model.get_friendly_name())


def _with_uint8_inputs(model: ov.Model) -> ov.Model:
    steps = PrePostProcessor(model)
    for index, port in enumerate(model.inputs):
        shape, letters = tuple(port.get_partial_shape()), layout_letters(port.get_node().get_layout())
        layout = layout_of(TensorInfo(port.any_name, shape, "", letters))
        steps.input(index).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        steps.input(index).model().set_layout(ov.Layout(layout))
    return steps.build()


def _as_uint8(value: ov.Output, reverse: bool = False) -> ov.Output:
    """Return an NCHW image, 0 to 1, as uint8 NHWC, its channels reversed on demand."""
    value = ops.clamp(value, 0.0, 1.0).output(0)
    if reverse:  # as planes: a CPU takes five times as long for the channels of each pixel
        value = ops.gather(value, np.array([2, 1, 0]), np.array(1)).output(0)
    value = ops.transpose(value, np.array(_NHWC)).output(0)
    rounded = ops.round(ops.multiply(value, np.float32(255)), "half_to_even")
    return ops.convert(rounded, "u8").output(0)
