"""A model that takes pictures as bytes, and gives them so: what it costs to convert is compiled in."""

from __future__ import annotations

import numpy as np

from omz.runtime.engine import TensorInfo
from omz.runtime.matter import ALPHAS, FOREGROUND, TRIMAP, layout_of
from omz.runtime.openvino_engine import layout_letters
from omz.runtime.quiet_openvino import PrePostProcessor, ov

try:
    import openvino.opset13 as ops
except ModuleNotFoundError:  # where OpenVINO 2024 keeps it
    import openvino.runtime.opset13 as ops

_NHWC = (0, 2, 3, 1)


def in_eight_bits(model: ov.Model) -> ov.Model:
    """Return a matting model whose pictures are uint8 NHWC BGR on both sides; it may change the one given.

    Alpha and the colours of the foreground are clipped to 0 to 1 and rounded to the nearest of 256 levels. A trimap's
    logits stay as they are; other outputs go.
    """
    return _finished(_fed(model), deep=False)


def with_float_alpha(model: ov.Model) -> ov.Model:
    """Return a model as :func:`in_eight_bits` does, but for alpha: float32, (1, H, W, 1), as the network gives it.

    It is for alpha that is resized, which comes before clipping and rounding, and for alpha of 16 bits.
    """
    return _finished(_fed(model), deep=True)


def _fed(model: ov.Model) -> ov.Model:
    steps = PrePostProcessor(model)
    for index, port in enumerate(model.inputs):
        told = TensorInfo(
            port.any_name, tuple(port.get_partial_shape()), "", layout_letters(port.get_node().get_layout())
        )
        steps.input(index).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        steps.input(index).model().set_layout(ov.Layout(layout_of(told)))
    return steps.build()


def _finished(model: ov.Model, deep: bool) -> ov.Model:
    results = []
    for port in model.outputs:
        name, value = port.any_name, port.get_node().input_value(0)
        if name in (*ALPHAS, FOREGROUND):
            if name == FOREGROUND or not deep:
                value = ops.clamp(value, 0.0, 1.0).output(0)
            if name == FOREGROUND:  # as planes: a CPU takes five times as long for the channels of each pixel
                value = ops.gather(value, np.array([2, 1, 0]), np.array(1)).output(0)
            value = ops.transpose(value, np.array(_NHWC)).output(0)
            if name == FOREGROUND or not deep:
                levels = ops.round(ops.multiply(value, np.float32(255)), "half_to_even")
                value = ops.convert(levels, "u8").output(0)
        elif name != TRIMAP:
            continue
        names = port.get_names()
        port.get_tensor().set_names(set())
        result = ops.result(value)
        result.output(0).get_tensor().set_names(names)
        results.append(result)
    return ov.Model(results, model.get_parameters(), model.get_friendly_name())
