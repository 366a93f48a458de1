"""A matting model that takes and gives uint8 images: the conversion is compiled in, where it costs least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from omz.errors import UsageError
from omz.matting.readings import LEAST_PROBABILITY, LEAST_RANGE
from omz.matting.resolution import resolve
from omz.matting.roles import NOTHING_SAID, OutputReading, RoleOptions, Roles, State, described
from omz.matting.signature import picture_layout
from omz.runtime.openvino_engine import OpenVINOEngine, facts_of, output_infos, port_info
from omz.runtime.quiet_openvino import PrePostProcessor, ov, port_names

try:
    import openvino.opset13 as ops
except ModuleNotFoundError:  # where OpenVINO 2024 keeps it
    import openvino.runtime.opset13 as ops

_NHWC = (0, 2, 3, 1)
_CHANNELS = 1  # the axis of NCHW
_COLOURS = 3
_MOVERS = ("Transpose", "Gather")

PICTURE, PLATE, RATIO = "picture", "plate", "ratio"
ALPHA, FOREGROUND, TRIMAP = "alpha", "foreground", "trimap"
_STATE, _NEXT_STATE = "state_{}", "next_state_{}"


def uint8_graph(model: ov.Model, float_alpha: bool = False, options: RoleOptions = NOTHING_SAID) -> ov.Model:
    """Return a matting model in normal form: named by roles, with uint8 NHWC BGR images on both sides.

    It may change the model given. Roles are those of ``options``, of the model's facts, or of its names and shapes.
    Channels, activation and range of outputs are applied. Alpha and foreground are clipped to 0 to 1 and rounded to the
    nearest of 256 values. With ``float_alpha``, alpha is float32, (1, H, W, 1), as the network gives it: to be resized
    before it is clipped and rounded, or to have more than 8 bits. A trimap is NCHW, logits. States stay as they are,
    and other outputs go. Raises as :func:`omz.matting.resolution.resolve` does.
    """
    _lay_out(model, options.layouts)
    inputs = tuple(map(port_info, model.inputs))
    roles = resolve(inputs, output_infos(model), described(facts_of(model)), options)
    model = _with_uint8_inputs(model, roles)
    values = {port.any_name: port.get_node().input_value(0) for port in model.outputs}
    made = dict(_outputs(values, roles, float_alpha))
    for port in model.outputs:
        port.get_tensor().set_names(set())
    results = [_result(value, name) for name, value in made.items()]
    renamed = dict(_input_names(roles))
    for port in model.inputs:
        port.get_tensor().set_names({renamed[port.any_name]})
    return ov.Model(results, model.get_parameters(), model.get_friendly_name())


def _lay_out(model: ov.Model, layouts: Mapping[str, str]) -> None:
    """Give inputs these layouts, by their names; "" is all others. Names may also be those of outputs."""
    inputs, outputs = port_names(model.inputs), port_names(model.outputs)
    aliases = set[str]().union(*(port.get_names() for port in (*model.inputs, *model.outputs)))
    unknown = {*layouts} - {"", *aliases}
    if unknown:
        named = f"the model's inputs are {', '.join(inputs)}, its outputs {', '.join(outputs)}"
        raise UsageError(f"--layout {min(unknown)}: {named}")
    for parameter in model.get_parameters():
        rank = parameter.get_partial_shape().rank
        own = [layouts[name] for name in parameter.output(0).get_names() if name in layouts]
        layout = own[0] if own else layouts.get("")
        if layout and rank.is_static and rank.get_length() == len(layout):
            parameter.set_layout(ov.Layout(layout))


def normal_roles(engine: OpenVINOEngine) -> Roles:
    """Return the roles in a model that :func:`uint8_graph` has changed."""
    inputs = {info.name for info in engine.inputs}
    states = list[State]()
    while _STATE.format(len(states)) in inputs:
        states.append(State(_STATE.format(len(states)), _NEXT_STATE.format(len(states))))
    return Roles(
        PICTURE,
        OutputReading(ALPHA, layout="NHWC"),
        PLATE if PLATE in inputs else "",
        RATIO if RATIO in inputs else "",
        OutputReading(FOREGROUND, layout="NHWC") if FOREGROUND in engine.outputs else None,
        OutputReading(TRIMAP, activation="softmax", layout="NCHW") if TRIMAP in engine.outputs else None,
        tuple(states),
    )


def _input_names(roles: Roles) -> Iterator[tuple[str, str]]:
    """Yield the inputs by their own names, and those of the normal form."""
    yield roles.picture, PICTURE
    yield roles.plate, PLATE
    yield roles.ratio, RATIO
    for index, state in enumerate(roles.states):
        yield state.input, _STATE.format(index)


def _with_uint8_inputs(model: ov.Model, roles: Roles) -> ov.Model:
    steps = PrePostProcessor(model)
    for index, port in enumerate(model.inputs):
        if port.any_name not in (roles.picture, roles.plate):
            continue
        steps.input(index).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        steps.input(index).model().set_layout(ov.Layout(picture_layout(port_info(port))))
    built = steps.build()
    for parameter in built.get_parameters():
        _move_bytes(parameter.output(0))
    built.validate_nodes_and_infer_types()
    return built


def _move_bytes(image: ov.Output) -> None:
    """Convert an image of bytes behind the nodes that only move it, not before: they then move a quarter of the memory.

    An IR that reverses channels has such a node for each of its inputs.
    """
    convert = _reader(image, ("Convert",))
    if convert is None or image.get_element_type() != ov.Type.u8:
        return
    last = convert.output(0)
    kind, moved = last.get_element_type(), image
    while mover := _reader(last, _MOVERS):
        mover.input(0).replace_source_output(moved)
        moved = last = mover.output(0)
    readers, names = last.get_target_inputs(), last.get_names()
    converted = ops.convert(moved, kind).output(0)
    for reader in readers:
        reader.replace_source_output(converted)
    if names and moved != image:  # those of an output of the model, which may pass on an input
        moved.get_tensor().set_names(set())
        converted.get_tensor().set_names(names)


def _reader(value: ov.Output, kinds: tuple[str, ...]) -> ov.Node | None:
    """Return the node of one of these kinds that alone reads a value, as its first input."""
    readers = value.get_target_inputs()
    if len(readers) != 1:
        return None
    (reader,) = readers
    node = reader.get_node()
    return node if reader.get_index() == 0 and node.get_type_name() in kinds else None


def _outputs(values: dict[str, ov.Output], roles: Roles, float_alpha: bool) -> Iterator[tuple[str, ov.Output]]:
    """Yield the outputs of the normal form."""
    alpha = _read(values[roles.alpha.name], roles.alpha, 1)
    if float_alpha:
        yield ALPHA, ops.transpose(alpha, np.array(_NHWC)).output(0)
    else:
        yield ALPHA, _as_uint8(alpha)
    if roles.foreground is not None:
        yield FOREGROUND, _as_uint8(_read(values[roles.foreground.name], roles.foreground, _COLOURS), reverse=True)
    if roles.trimap is not None:
        yield TRIMAP, _logits(values[roles.trimap.name], roles.trimap)
    for index, state in enumerate(roles.states):
        yield _NEXT_STATE.format(index), values[state.output]


def _result(value: ov.Output, name: str) -> ov.Node:
    result = ops.result(value)
    result.output(0).get_tensor().set_names({name})
    return result


def _read(value: ov.Output, reading: OutputReading, count: int) -> ov.Output:
    """Return ``count`` channels of an output as NCHW, 0 to 1; see :func:`omz.matting.readings.read_output`."""
    if value.get_element_type() != ov.Type.f32:
        value = ops.convert(value, "f32").output(0)
    value = _as_nchw(value, reading.layout)
    if reading.activation == "softmax":
        value = ops.softmax(value, _CHANNELS).output(0)
    channels = value.get_partial_shape()
    is_whole = reading.channel is None
    if channels.rank.is_static and channels[_CHANNELS].is_static:
        is_whole = channels[_CHANNELS].get_length() == count
    if not is_whole:
        indices = np.arange(reading.first, reading.first + count)
        value = ops.gather(value, indices, np.array(_CHANNELS)).output(0)
    if reading.activation == "sigmoid":
        value = ops.sigmoid(value).output(0)
    if reading.activation == "min_max":
        axes = np.array((1, 2, 3))
        least, largest = ops.reduce_min(value, axes, True), ops.reduce_max(value, axes, True)
        spread = ops.maximum(ops.subtract(largest, least), np.float32(LEAST_RANGE))
        value = ops.divide(ops.subtract(value, least), spread).output(0)
    low, high = reading.range
    if (low, high) != (0, 1):
        value = ops.divide(ops.subtract(value, np.float32(low)), np.float32(high - low)).output(0)
    return value


def _logits(value: ov.Output, reading: OutputReading) -> ov.Output:
    """Return the logits of a trimap, whose softmax has the probabilities of its classes."""
    value = _read(value, replace(reading, activation="none"), _COLOURS)
    if reading.activation == "softmax":
        return value
    return ops.log(ops.maximum(value, np.float32(LEAST_PROBABILITY))).output(0)


def _as_nchw(value: ov.Output, layout: str) -> ov.Output:
    axes = [axis for axis, letter in enumerate("NCHW") if letter not in layout]
    there = "".join(letter for letter in "NCHW" if letter in layout)
    if there != layout:
        value = ops.transpose(value, np.array([layout.index(letter) for letter in there])).output(0)
    if axes:
        value = ops.unsqueeze(value, np.array(axes)).output(0)
    return value


def _as_uint8(value: ov.Output, reverse: bool = False) -> ov.Output:
    """Return an NCHW image, 0 to 1, as uint8 NHWC, its channels reversed on demand."""
    rounded = ops.round(ops.multiply(ops.clamp(value, 0.0, 1.0), np.float32(255)), "half_to_even")
    # What follows moves bytes, a quarter of the memory.
    image = ops.convert(rounded, "u8")
    if reverse:  # as planes: a CPU takes five times as long for the channels of each pixel
        image = ops.gather(image, np.array([2, 1, 0]), np.array(_CHANNELS))
    return ops.transpose(image, np.array(_NHWC)).output(0)
