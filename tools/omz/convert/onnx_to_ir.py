"""An ONNX file as an OpenVINO model with its preprocessing inside, as Model Optimizer made it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import onnx

from omz.convert.onnx_file import NOT_ONNX, check_onnx
from omz.errors import ConversionError
from omz.runtime.openvino_errors import reason
from omz.runtime.quiet_openvino import PrePostProcessor, core, ov
from omz.zoo.optimizer_arguments import Dimension, OptimizerArguments
from omz.zoo.preprocessing import Preprocessing, resolve_preprocessing

_TYPES = {"u8": ov.Type.u8}


def build_ir(source: Path, arguments: OptimizerArguments, title: str) -> tuple[ov.Model, tuple[Preprocessing, ...]]:
    """Read ``source``, cut it at the inputs and outputs asked for, set shapes and layouts, bake the preprocessing in.

    Returns the model, called ``title``, and what was baked in. The model takes pictures as they come out of a file:
    BGR, 0 to 255, where colours are reversed and values scaled. Raises :class:`ConversionError` where the file
    cannot be read or has no such input or output, and :class:`~omz.errors.CardError` for arguments that do not fit it.
    """
    inputs, outputs = check_onnx(source)
    try:
        return _build(source, inputs, outputs, arguments, title)
    except UnicodeDecodeError as error:  # from wherever OpenVINO hands a name on
        raise ConversionError(f"{source} {NOT_ONNX}: it is damaged, or something else") from error


def _build(
    source: Path, inputs: Sequence[str], outputs: Sequence[str], arguments: OptimizerArguments, title: str
) -> tuple[ov.Model, tuple[Preprocessing, ...]]:
    try:
        # read_model and not convert_model, which fuses, and so loses inner tensors that a card may ask for.
        model = core().read_model(source)
    except RuntimeError as error:
        raise ConversionError(f"{source} {NOT_ONNX}: {reason(error)}") from error
    if len(inputs) == len(model.inputs):
        for port, name in zip(model.inputs, inputs, strict=True):
            if port.any_name != name:  # OpenVINO has given it the name of what hands it on
                port.get_tensor().set_names({name} | (port.get_names() & {*outputs, *arguments.outputs}))
    model = _cut(model, source, arguments, title)
    try:
        _reshape(model, source, arguments.shapes)
        shapes = {port.any_name: _dimensions(port.get_partial_shape()) for port in model.inputs}
        preprocessing = resolve_preprocessing(arguments, shapes, str(source))
        built = _with_preprocessing(model, preprocessing)
        if not all(port.get_names() for port in built.outputs):
            raise ConversionError(f"{source}: an output hands an input on, which is changed here; ask for another")
        return built, preprocessing
    except RuntimeError as error:
        raise ConversionError(f"{source} does not take the shapes, mean or scale asked for: {reason(error)}") from error


def _cut(model: ov.Model, source: Path, arguments: OptimizerArguments, title: str) -> ov.Model:
    """Return the part of ``model`` that leads to the outputs asked for, with the inputs that it needs.

    As Model Optimizer did: all of the model's outputs, or none named, stay in the model's order; others come in the
    order asked for. Inputs stay in the model's order.
    """
    results = [result.input_value(0) for result in model.get_results()]
    wanted = [_find_tensor(model, source, name) for name in dict.fromkeys(arguments.outputs)]
    if not wanted or {_key(port) for port in wanted} == {_key(port) for port in results}:
        wanted = results
    reachable = _parameters_before(port.get_node() for port in wanted)
    parameters = [parameter for parameter in model.get_parameters() if parameter.get_friendly_name() in reachable]
    _check_inputs(model, source, arguments.inputs, parameters)
    return ov.Model(wanted, parameters, title)


def _key(port: ov.Output) -> tuple[str, int]:
    return port.get_node().get_friendly_name(), port.get_index()


def _find_tensor(model: ov.Model, source: Path, name: str) -> ov.Output:
    """Return the tensor called ``name``, or that of an ONNX node: NODE, NODE:0 out of it, 0:NODE into it."""
    inner = [node for node in model.get_ordered_ops() if node.get_type_name() != "Result"]
    tensors = {each: port for node in inner for port in node.outputs() for each in port.get_names()}
    if name in tensors:
        return tensors[name]
    graph = onnx.load(str(source), load_external_data=False).graph
    nodes = {node.name: node for node in graph.node}
    behind, before = re.fullmatch(r"(.+):(\d+)", name), re.fullmatch(r"(\d+):(.+)", name)
    tensor = None
    if name in nodes:
        tensor = _nth(nodes[name].output, 0)
    elif behind and behind[1] in nodes:
        tensor = _nth(nodes[behind[1]].output, int(behind[2]))
    elif before and before[2] in nodes:
        tensor = _nth(nodes[before[2]].input, int(before[1]))
    if tensor not in tensors:
        own = ", ".join(port.any_name for port in model.outputs)
        raise ConversionError(f"{source} has no output {name!r}; it has {own}")
    return tensors[tensor]


def _nth(names: Sequence[str], index: int) -> str | None:
    return names[index] if index < len(names) else None


def _parameters_before(nodes: Iterable[ov.Node]) -> set[str]:
    found, seen, waiting = set(), set(), list(nodes)
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() in seen:
            continue
        seen.add(node.get_friendly_name())
        if node.get_type_name() == "Parameter":
            found.add(node.get_friendly_name())
        waiting += [port.get_source_output().get_node() for port in node.inputs()]
    return found


def _check_inputs(model: ov.Model, source: Path, asked: Sequence[str], needed: Sequence[ov.Node]) -> None:
    """Raise :class:`ConversionError` where an input asked for is not there, or one that is needed was not asked for."""
    own = {name for port in model.inputs for name in port.get_names()}
    listed = ", ".join(port.any_name for port in model.inputs)
    for name in asked:
        if name not in own:
            raise ConversionError(f"{source} has no input {name!r}; it has {listed}")
    for parameter in needed:
        names = parameter.output(0).get_names()
        if asked and not names & set(asked):
            raise ConversionError(f"{source} needs its input {', '.join(names)}, which --input or input_info leave out")


def _reshape(model: ov.Model, source: Path, shapes: Mapping[str, Sequence[Dimension]]) -> None:
    """Set the shapes of the inputs that are still there."""
    if "" in shapes:
        if len(model.inputs) != 1:
            raise ConversionError(f"{source} has {len(model.inputs)} inputs; --input must name them with their shapes")
        shapes = {model.input().any_name: shapes[""]}
    there = {name for port in model.inputs for name in port.get_names()}
    new = {name: _partial_shape(shape) for name, shape in shapes.items() if name in there}
    if new:
        model.reshape(new)


def _partial_shape(shape: Sequence[Dimension]) -> ov.PartialShape:
    return ov.PartialShape([ov.Dimension(*each) if isinstance(each, tuple) else ov.Dimension(each) for each in shape])


def _dimensions(shape: ov.PartialShape) -> tuple[Dimension, ...]:
    if shape.rank.is_dynamic:
        return ()
    return tuple(
        each.get_length() if each.is_static else (each.min_length, each.max_length) if each.max_length > 0 else -1
        for each in shape
    )


def _with_preprocessing(model: ov.Model, preprocessing: tuple[Preprocessing, ...]) -> ov.Model:
    builder = PrePostProcessor(model)
    for step in preprocessing:
        tensor = builder.input(step.input_name)
        if step.layout:
            tensor.model().set_layout(ov.Layout(step.original_layout or step.layout))
            tensor.tensor().set_layout(ov.Layout(step.layout))
        steps = tensor.preprocess()
        if step.element_type:
            tensor.tensor().set_element_type(_TYPES[step.element_type])
            steps.convert_element_type(ov.Type.f32)
        if step.reverse_channels:
            steps.reverse_channels()
        if step.mean:
            steps.mean(_one_or_list(step.mean))
        if step.scale:
            steps.scale(_one_or_list(step.scale))
    return builder.build()


def _one_or_list(values: tuple[float, ...]) -> float | list[float]:
    return values[0] if len(values) == 1 else list(values)
