"""The refiner of BackgroundMattingV2 as its published graphs have it: three crops, four layers, and a paste.

What carries pixels is recognised node by node, from the result back. The indices of the selected blocks are computed in
many nodes, which every exporter writes in its own way; those are tried out instead, on expected errors of which the
result is known: see :mod:`omz.convert.rewrite.indices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omz.convert.rewrite.indices import Places, indices_problem
from omz.runtime.quiet_openvino import ov

_WINDOW, _BLOCK = 8, 4
_COLOURS, _RESULTS = 6, 4
_KERNEL = 3
_OUTPUTS = _PAIR = 2
_CHANNELS = (24, 42), (16, 24), (12, 22), (4, 12)
"""Outputs and inputs of the four layers."""
_DECODER = 37, 54
"""Outputs and inputs of the decoder's last layer."""
HEADS = 5
"""Its outputs that are no hidden features: alpha, foreground less image, expected error."""
_SAME_VALUES = ("Reshape", "Squeeze", "Unsqueeze")
_CROP = {
    "pooled_h": _WINDOW, "pooled_w": _WINDOW, "sampling_ratio": 1, "spatial_scale": 1.0, "mode": "avg",
    "aligned_mode": "asymmetric",
}  # fmt: skip
_PLAIN = {
    "strides": [1, 1], "dilations": [1, 1], "auto_pad": "explicit",
}  # fmt: skip
_RESIZED = {"shape_calculation_mode": "sizes", "antialias": False, "pads_begin": [0, 0, 0, 0], "pads_end": [0, 0, 0, 0]}
_REPEATED = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
_BILINEAR = {"mode": ("linear_onnx", "linear"), "coordinate_transformation_mode": ("half_pixel", "pytorch_half_pixel")}


class NotPublished(Exception):
    """A graph is not that of the published networks; the message says where it differs, to follow "because"."""


@dataclass(frozen=True)
class Layer:
    """A convolution of 3x3: ``weights`` (outputs, inputs, 3, 3) and ``bias`` (outputs,), float32."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class PublishedRefiner:
    """What a refiner reads, its layers, and its result.

    ``last`` is the last layer of the decoder, which reads ``decoded`` (N, 54, H/4, W/4), padded by zeros. Of its
    outputs ``heads`` (N, 37, H/4, W/4), the first five are the coarse matte and its expected error. The others are the
    hidden features, from the activation of which the first layer of the refiner reads: these and the coarse matte,
    resized bilinearly to twice the size, and ``halves`` (N, 6, H/2, W/2). The third layer reads ``pictures`` (N, 6, H,
    W). Both are image and plate. ``coarse`` (N, 4, H/4, W/4) is the coarse matte, ``errors`` (N, 1, H/4, W/4) its
    expected error. The ``count`` blocks with the largest errors are refined, if these are above 0. ``refined`` (N, 4,
    H, W) is the result.
    """

    decoded: ov.Output
    last: Layer
    heads: ov.Output
    halves: ov.Output
    pictures: ov.Output
    coarse: ov.Output
    errors: ov.Output
    count: int
    conv1: Layer
    conv2: Layer
    conv3: Layer
    conv4: Layer
    refined: ov.Output


def find_refiner(model: ov.Model) -> PublishedRefiner:
    """Return the refiner of a model; raises :class:`NotPublished` if it has none that is exactly as published."""
    if len(model.outputs) != _OUTPUTS:
        raise NotPublished("it has other outputs than alpha and foreground")
    if any(port.get_partial_shape().is_dynamic for port in model.inputs):
        raise NotPublished("its batch, height or width is open, where the rewritten graph needs them fixed")
    paste = _only(model, "ScatterElementsUpdate", rank=1)
    largest = _only(model, "TopK", rank=2)
    enlarged = _behind(paste.input_value(0), "Reshape").input_value(0)
    patches = _behind(paste.input_value(2), "Reshape").input_value(0)
    conv4, x = _layer(patches, _CHANNELS[3])
    conv3, x = _layer(_activated(x), _CHANNELS[2])
    near, crop_of_pictures = _joined(x)
    conv2, x = _layer(_activated(_doubled(near)), _CHANNELS[1])
    conv1, x = _layer(_activated(x), _CHANNELS[0])
    crops = [_crop(each) for each in (*_joined(x), crop_of_pictures)]
    features, halves, pictures = (_padded(crop.input_value(0)) for crop in crops)
    coarse = _resized(enlarged)
    heads = _heads(_resized(features), coarse, paste)
    last, decoded = _layer(heads, _DECODER, padding=1)
    found = PublishedRefiner(
        decoded, last, heads, halves, pictures, coarse, _errors(largest), _count(largest),
        conv1, conv2, conv3, conv4, _refined(paste, enlarged),
    )  # fmt: skip
    _check_sizes(found)
    problem = indices_problem(model, found.errors, found.count, Places(enlarged, patches, tuple(crops), paste))
    if problem:
        raise NotPublished(problem)
    return found


def _only(model: ov.Model, kind: str, rank: int) -> ov.Node:
    """Return the only node of a kind whose first input has this rank."""
    found = []
    for node in model.get_ordered_ops():
        if node.get_type_name() == kind and node.get_input_partial_shape(0).rank == ov.Dimension(rank):
            found.append(node)
    if len(found) != 1:
        raise NotPublished(f"it has {len(found) or 'no'} {kind} of rank {rank}, where one is published")
    return found[0]


def _behind(value: ov.Output, kind: str, **attributes: Any) -> ov.Node:
    """Return the node that makes ``value``, which must be of this kind and have these attributes."""
    node = value.get_node()
    there = node.get_type_name()
    if there != kind:
        raise NotPublished(f"its {node.get_friendly_name()} is a {there}, where a {kind} is published")
    given = node.get_attributes()
    for name, wanted in attributes.items():
        if given.get(name) != wanted:
            raise NotPublished(f"{name} of its {node.get_friendly_name()} is {given.get(name)}, not {wanted}")
    return node


def _activated(value: ov.Output) -> ov.Output:
    return _behind(value, "Relu").input_value(0)


def _joined(value: ov.Output) -> tuple[ov.Output, ov.Output]:
    node = _behind(value, "Concat", axis=1)
    if node.get_input_size() != _PAIR:
        raise NotPublished(f"its {node.get_friendly_name()} joins {node.get_input_size()} maps, not {_PAIR}")
    return node.input_value(0), node.input_value(1)


def _crop(value: ov.Output) -> ov.Node:
    return _behind(value, "ROIAlign", **_CROP)


def _padded(value: ov.Output) -> ov.Output:
    return _behind(value, "Pad", pad_mode="constant").input_value(0)


def _layer(value: ov.Output, channels: tuple[int, int], padding: int = 0) -> tuple[Layer, ov.Output]:
    """Return the layer that makes ``value``, with outputs and inputs of this number, and what it reads."""
    add = _behind(value, "Add")
    pads = [padding] * 2
    node = _behind(add.input_value(0), "Convolution", pads_begin=pads, pads_end=pads, **_PLAIN)
    weights = _behind(node.input_value(1), "Constant")
    bias = add.input_value(1).get_node()
    if bias.get_type_name() == "Reshape":
        bias = bias.input_value(0).get_node()
    outputs, inputs = channels
    wanted = (outputs, inputs, _KERNEL, _KERNEL), (outputs,)
    layer = Layer(_values(weights), _values(bias).reshape(-1))
    if (layer.weights.shape, layer.bias.shape) != wanted:
        raise NotPublished(f"its {node.get_friendly_name()} has weights of another shape than published")
    if add.input_value(1).get_partial_shape() != ov.PartialShape([1, outputs, 1, 1]):
        raise NotPublished(f"its {add.get_friendly_name()} does not add a value to each channel")
    return layer, node.input_value(0)


def _values(node: ov.Node) -> NDArray[np.float32]:
    if node.get_type_name() != "Constant" or node.get_element_type() != ov.Type.f32:
        raise NotPublished(f"its {node.get_friendly_name()} is not a constant in float32")
    return np.array(node.data)


def _doubled(value: ov.Output) -> ov.Output:
    """Return what an enlargement to twice the size by repetition reads."""
    node = _behind(value, "Interpolate", **_REPEATED, **_RESIZED)
    before, after = (list(port.get_partial_shape())[2:] for port in (node.input_value(0), value))
    if before != [ov.Dimension(_WINDOW // 2)] * 2 or after != [ov.Dimension(_WINDOW)] * 2:
        raise NotPublished(f"its {node.get_friendly_name()} does not double the size")
    return node.input_value(0)


def _resized(value: ov.Output) -> ov.Output:
    """Return what a bilinear resizing reads."""
    node = _behind(value, "Interpolate", **_RESIZED)
    given = node.get_attributes()
    for name, allowed in _BILINEAR.items():
        if given[name] not in allowed:
            raise NotPublished(f"{name} of its {node.get_friendly_name()} is {given[name]}, not {allowed[0]}")
    return node.input_value(0)


def _heads(features: ov.Output, coarse: ov.Output, paste: ov.Node) -> ov.Output:
    """Return the value of which features are the last channels, activated, and then the coarse matte.

    Everything else may only read its other channels, for the rewritten graph computes these alone.
    """
    hidden, matte = _joined(features)
    if matte != coarse:
        raise NotPublished("its coarse features do not end in the coarse matte")
    sliced = _behind(_activated(hidden), "Slice")
    _check_read_by(paste, sliced)
    heads = sliced.input_value(0)
    for target in heads.get_target_inputs():
        reader = _behind(target.get_node().output(0), "Slice")
        first, end = _sliced(reader)
        is_hidden = reader.get_friendly_name() == sliced.get_friendly_name()
        wanted = (HEADS, _DECODER[0]) if is_hidden else (min(first, HEADS), min(end, HEADS))
        if (first, min(end, _DECODER[0])) != wanted:
            raise NotPublished(f"its {reader.get_friendly_name()} takes other channels than published")
    return heads


def _check_read_by(paste: ov.Node, start: ov.Node) -> None:
    """Raise if anything of what ``start`` makes gets into a result by another way than through ``paste``."""
    seen, waiting = {paste.get_name()}, [start]
    while waiting:
        node = waiting.pop()
        if node.get_type_name() == "Result":
            raise NotPublished(f"something else reads what its {start.get_friendly_name()} makes")
        if node.get_type_name() == "ShapeOf":  # resizings of other maps take their batch from it
            continue
        readers = [target.get_node() for port in node.outputs() for target in port.get_target_inputs()]
        waiting += [reader for reader in readers if reader.get_name() not in seen]
        seen |= {reader.get_name() for reader in readers}


def _sliced(node: ov.Node) -> tuple[int, int]:
    """Return the first channel that a Slice takes, and the one after its last."""
    given = [_behind(node.input_value(number), "Constant").data for number in range(1, node.get_input_size())]
    if [each.tolist() for each in given[2:]] != [[1], [1]] or any(each.size != 1 or each[0] < 0 for each in given):
        raise NotPublished(f"its {node.get_friendly_name()} does not take channels one after the other")
    return int(given[0][0]), int(given[1][0])


def _errors(largest: ov.Node) -> ov.Output:
    value = largest.input_value(0)
    while value.get_node().get_type_name() in _SAME_VALUES:
        value = value.get_node().input_value(0)
    return value


def _count(largest: ov.Node) -> int:
    side = list(largest.get_output_partial_shape(1))[-1]
    if side.is_dynamic:
        raise NotPublished("how many blocks it refines is open")
    return int(side.get_length())


def _refined(paste: ov.Node, enlarged: ov.Output) -> ov.Output:
    readers = [target.get_node() for target in paste.output(0).get_target_inputs()]
    if len(readers) != 1 or readers[0].get_output_partial_shape(0) != enlarged.get_partial_shape():
        raise NotPublished(f"the result of its {paste.get_friendly_name()} is not the matte")
    return _behind(readers[0].output(0), "Reshape").output(0)


def _check_sizes(found: PublishedRefiner) -> None:
    """Raise unless all sizes fit together."""
    batch, _, height, width = found.pictures.get_shape()
    if height % _BLOCK or width % _BLOCK:
        raise NotPublished(f"its {width}x{height} pixels are no whole blocks of {_BLOCK}x{_BLOCK}")
    half, quarter = (height // 2, width // 2), (height // _BLOCK, width // _BLOCK)
    wanted = {
        "pictures": (found.pictures, _COLOURS, (height, width)),
        "decoded features": (found.decoded, _DECODER[1], quarter),
        "outputs of the decoder": (found.heads, _DECODER[0], quarter),
        "pictures of half the size": (found.halves, _COLOURS, half),
        "coarse matte": (found.coarse, _RESULTS, quarter),
        "expected errors": (found.errors, 1, quarter),
        "result": (found.refined, _RESULTS, (height, width)),
    }
    for title, (value, channels, sides) in wanted.items():
        if value.get_partial_shape() != ov.PartialShape([batch, channels, *sides]):
            raise NotPublished(f"the shape of its {title} is {value.get_partial_shape()}")
