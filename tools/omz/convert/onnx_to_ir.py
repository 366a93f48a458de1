"""An ONNX file as an OpenVINO model with its preprocessing inside."""

from __future__ import annotations

from pathlib import Path

from omz.errors import ConversionError
from omz.runtime.openvino_errors import reason
from omz.runtime.quiet_openvino import PrePostProcessor, ov
from omz.zoo.card import InputInfo
from omz.zoo.optimizer_arguments import OptimizerArguments


def build_ir(source: Path, arguments: OptimizerArguments, inputs: tuple[InputInfo, ...], name: str) -> ov.Model:
    """Read ``source``, keep the outputs asked for, set shapes and layouts, and bake the preprocessing in.

    The model takes float32 pictures as they come out of a file: BGR, 0 to 255, where the card reverses and scales.
    Raises :class:`ConversionError` where the file cannot be read, or has no such input or output.
    """
    try:
        # read_model and not convert_model, which fuses, and so loses inner tensors that a card may ask for.
        model = ov.Core().read_model(source)
    except RuntimeError as error:
        raise ConversionError(f"{source} cannot be read as ONNX: {reason(error)}") from error
    model = _with_outputs(model, source, arguments.outputs, name)
    try:
        model.reshape(_shapes(model, source, inputs))
        return _with_preprocessing(model, arguments)
    except RuntimeError as error:
        raise ConversionError(
            f"{source} does not take the shapes, mean or scale of the card: {reason(error)}"
        ) from error


def _with_outputs(model: ov.Model, source: Path, names: tuple[str, ...], title: str) -> ov.Model:
    """Return the part of ``model`` that leads to the tensors ``names``, with the inputs that they need.

    As Model Optimizer did: all of the model's outputs, or none named, stay in the model's order; others come in the
    order asked for.
    """
    own = {port.any_name: port for port in model.outputs}
    names = tuple(dict.fromkeys(names))
    if not names or set(names) == set(own):
        names = tuple(own)
    tensors = {name: port for node in model.get_ordered_ops() for port in node.outputs() for name in port.get_names()}
    for name in names:
        if name not in tensors:
            raise ConversionError(f"{source} has no output {name!r}; it has {', '.join(own)}")
    wanted = [tensors[name] for name in names]
    reachable = _parameters_before([port.get_node() for port in wanted])
    parameters = [parameter for parameter in model.get_parameters() if parameter.get_friendly_name() in reachable]
    return ov.Model(wanted, parameters, title)


def _parameters_before(nodes: list[ov.Node]) -> set[str]:
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


def _shapes(model: ov.Model, source: Path, inputs: tuple[InputInfo, ...]) -> dict[str, ov.PartialShape]:
    """Return the shape of each input of the card; the card must have all of the model's, and no other."""
    names = [port.any_name for port in model.inputs]
    if sorted(names) != sorted(info.name for info in inputs):
        listed = ", ".join(info.name for info in inputs) or "none"
        raise ConversionError(f"{source} has the inputs {', '.join(names)}, but the card's input_info lists {listed}")
    return {info.name: ov.PartialShape(list(info.shape)) for info in inputs}


def _with_preprocessing(model: ov.Model, arguments: OptimizerArguments) -> ov.Model:
    builder = PrePostProcessor(model)
    for step in arguments.preprocessing:
        tensor = builder.input(step.input_name)
        tensor.model().set_layout(ov.Layout(step.layout))
        tensor.tensor().set_layout(ov.Layout(step.layout))
        steps = tensor.preprocess()
        if step.reverse_channels:
            steps.reverse_channels()
        if step.mean:
            steps.mean(_one_or_list(step.mean))
        if step.scale:
            steps.scale(_one_or_list(step.scale))
    return builder.build()


def _one_or_list(values: tuple[float, ...]) -> float | list[float]:
    return values[0] if len(values) == 1 else list(values)
