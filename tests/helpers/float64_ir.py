"""An IR computed in float64 by PyTorch: what it says, free of the rounding and the saturation of any processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from omz.runtime.quiet_openvino import ov

try:
    from openvino.passes import ConstantFolding, Manager
except ModuleNotFoundError:  # where OpenVINO 2024 keeps them
    from openvino.runtime.passes import ConstantFolding, Manager

Values = list[torch.Tensor]


def run_in_float64(xml: Path, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the outputs of the IR at ``xml`` by name; 8-bit values are simulated, as FakeQuantize describes them."""
    model = ov.Core().read_model(xml)
    model.reshape({name: ov.PartialShape(list(value.shape)) for name, value in feeds.items()})
    passes = Manager()
    passes.register_pass(ConstantFolding())  # leaves none of the arithmetic of shapes
    passes.run_passes(model)
    found: dict[str, torch.Tensor] = {}
    results = {}
    for node in model.get_ordered_ops():
        name, kind = node.get_friendly_name(), node.get_type_name()
        inputs = [found[source.get_node().get_friendly_name()] for source in map(_source, node.inputs())]
        if kind == "Parameter":
            found[name] = _exact(feeds[next(iter(node.output(0).get_names() & feeds.keys()))])
        elif kind == "Constant":
            found[name] = _exact(node.data)
        elif kind == "Result":
            results[next(iter(_source(node.input(0)).get_names()))] = inputs[0].numpy()
        else:
            found[name] = _OPERATIONS[kind](inputs, node.get_attributes())
    return results


def _source(port: ov.Input) -> ov.Output:
    return port.get_source_output()


def _exact(values: np.ndarray) -> torch.Tensor:
    kind = np.float64 if np.issubdtype(values.dtype, np.floating) else np.int64
    return torch.from_numpy(np.array(values, kind))


def _convert(x: Values, attributes: Mapping) -> torch.Tensor:
    return x[0].double() if attributes["destination_type"].startswith("f") else x[0].long()


def _convolution(x: Values, attributes: Mapping, groups: int = 1) -> torch.Tensor:
    pads = attributes["pads_begin"]
    assert list(pads) == list(attributes["pads_end"])
    return F.conv2d(x[0], x[1], None, list(attributes["strides"]), list(pads), list(attributes["dilations"]), groups)


def _group_convolution(x: Values, attributes: Mapping) -> torch.Tensor:
    groups = x[1].shape[0]
    return _convolution([x[0], x[1].flatten(0, 1)], attributes, groups)


def _fake_quantize(x: Values, attributes: Mapping) -> torch.Tensor:
    """Follow OpenVINO's specification of FakeQuantize-1."""
    value, low, high, out_low, out_high = x
    steps = attributes["levels"] - 1
    inside = torch.minimum(torch.maximum(value, low), high)
    return torch.round((inside - low) / (high - low) * steps) / steps * (out_high - out_low) + out_low


def _slice(x: Values, _: Mapping) -> torch.Tensor:
    value = x[0]
    for start, stop, step, axis in zip(*(each.tolist() for each in x[1:]), strict=True):
        places = range(value.shape[axis])[start:stop:step]
        value = value.index_select(axis, torch.tensor(list(places)))
    return value


def _pad(x: Values, attributes: Mapping) -> torch.Tensor:
    assert attributes["pad_mode"] == "constant"
    sides = zip(x[1].tolist(), x[2].tolist(), strict=True)
    return F.pad(x[0], [side for pair in reversed(list(sides)) for side in pair], value=float(x[3]))


def _interpolate(x: Values, attributes: Mapping) -> torch.Tensor:
    target = x[1][-2:]
    if attributes["shape_calculation_mode"] == "scales":
        target = torch.floor(target * torch.tensor(x[0].shape[-2:]) + 1e-5)
    size = [int(side) for side in target]
    if attributes["mode"] == "nearest":
        assert (attributes["coordinate_transformation_mode"], attributes["nearest_mode"]) == ("asymmetric", "floor")
        return F.interpolate(x[0], size, mode="nearest")
    assert attributes["coordinate_transformation_mode"] in ("half_pixel", "pytorch_half_pixel")
    return F.interpolate(x[0], size, mode="bilinear", align_corners=False)


def _max_pool(x: Values, attributes: Mapping) -> torch.Tensor:
    assert list(attributes["pads_begin"]) == list(attributes["pads_end"])
    sides = (list(attributes[name]) for name in ("kernel", "strides", "pads_begin", "dilations"))
    return F.max_pool2d(x[0], *sides)


def _depth_to_space(x: Values, attributes: Mapping) -> torch.Tensor:
    assert attributes["mode"] == "depth_first"
    return F.pixel_shuffle(x[0], int(attributes["block_size"]))


_OPERATIONS: dict[str, Callable[[Values, Mapping], torch.Tensor]] = {
    "Add": lambda x, _: x[0] + x[1],
    "Broadcast": lambda x, _: x[0] * torch.ones(x[1].tolist(), dtype=x[0].dtype),
    "Concat": lambda x, attributes: torch.cat(x, attributes["axis"]),
    "Convert": _convert,
    "Convolution": _convolution,
    "DepthToSpace": _depth_to_space,
    "Divide": lambda x, _: x[0] / x[1],
    "FakeQuantize": _fake_quantize,
    "Gather": lambda x, _: x[0].index_select(int(x[2]), x[1].flatten()),
    "GroupConvolution": _group_convolution,
    "Interpolate": _interpolate,
    "MaxPool": _max_pool,
    "Maximum": lambda x, _: torch.maximum(x[0], x[1]),
    "Minimum": lambda x, _: torch.minimum(x[0], x[1]),
    "Multiply": lambda x, _: x[0] * x[1],
    "Negative": lambda x, _: -x[0],
    "Pad": _pad,
    "ReduceMean": lambda x, _: x[0].mean(x[1].tolist(), keepdim=True),
    "Relu": lambda x, _: F.relu(x[0]),
    "Slice": _slice,
    "Subtract": lambda x, _: x[0] - x[1],
}
