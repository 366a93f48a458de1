"""Conversion of an ONNX file to an OpenVINO model with its preprocessing inside, as Model Optimizer did it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from operator import methodcaller
from pathlib import Path

from omz.convert.facts import describe, describe_graph, describe_threshold
from omz.convert.ir_file import save_ir, tensor_names
from omz.convert.narrow_convolutions import split_narrow_convolutions
from omz.convert.onnx_file import NOT_ONNX, check_onnx, names_of, outline, side_files
from omz.convert.plan import Rewrite
from omz.convert.rewrite import rewrite
from omz.errors import ConversionError, ModelFileError, os_reason
from omz.runtime.quiet_openvino import PrePostProcessor, core, ov, port_names, reason
from omz.zoo.model_file import Checksum
from omz.zoo.optimizer_arguments import Destination, Dimension, OptimizerArguments
from omz.zoo.preprocessing import Preprocessing, resolve_preprocessing
from omz.zoo.vocabulary import REWRITTEN

_TYPES = {"u8": ov.Type.u8}


def build_ir(
    source: Path, arguments: OptimizerArguments, title: str, rewriting: Rewrite | None = None
) -> tuple[ov.Model, tuple[Preprocessing, ...]]:
    """Read ``source``, cut it at the inputs and outputs asked for, set shapes and layouts, add the preprocessing.

    Returns the model, named ``title``, and its preprocessing. The model takes images as they come out of a file: BGR, 0
    to 255, if the arguments reverse colours and scale values. With ``rewriting``, the graph of that published network
    is rewritten; the fact ``graph`` in the model's description says whether it was. Raises :class:`ConversionError` if
    the file cannot be read or lacks an input or output, and :class:`~omz.errors.CardError` if the arguments do not fit
    it.
    """
    inputs, outputs = check_onnx(source)
    try:
        return _build(source, inputs, outputs, arguments, title, rewriting)
    except UnicodeDecodeError as error:  # from any name that OpenVINO returns
        raise ConversionError(f"{source} {NOT_ONNX}: it is damaged, or something else; name an ONNX file") from error


def _build(
    source: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    arguments: OptimizerArguments,
    title: str,
    rewriting: Rewrite | None,
) -> tuple[ov.Model, tuple[Preprocessing, ...]]:
    try:
        # Not convert_model, which fuses layers and so loses inner tensors that a card may ask for.
        model = core().read_model(source)
    except RuntimeError as error:
        raise ConversionError(f"{source} {NOT_ONNX}: {reason(error)}") from error
    if len(inputs) == len(model.inputs):
        for port, name in zip(model.inputs, inputs, strict=True):
            if port.any_name != name:  # OpenVINO took the name of an Identity behind it
                port.get_tensor().set_names({name} | (port.get_names() & {*outputs, *arguments.outputs}))
    model = _cut(model, source, arguments, title)
    try:
        _reshape(model, source, arguments.shapes)
        if rewriting:
            _rewrite(model, title, rewriting)
        split_narrow_convolutions(model)
        shapes = {port.any_name: _dimensions(port.get_partial_shape()) for port in model.inputs}
        preprocessing = resolve_preprocessing(arguments, shapes, str(source))
        _check_types(model, source, preprocessing)
        built = _with_preprocessing(model, preprocessing)
        if not all(map(methodcaller("get_names"), built.outputs)):
            raise ConversionError(
                f"{source}: an output passes on an input, which preprocessing changes; ask for another output"
            )
        return built, preprocessing
    except RuntimeError as error:
        raise ConversionError(f"{source} does not take the shapes, mean or scale asked for: {reason(error)}") from error


def _rewrite(model: ov.Model, title: str, rewriting: Rewrite) -> None:
    graph, threshold = rewrite(model, rewriting.threshold), rewriting.threshold
    describe_graph(model, graph)
    if threshold is None:
        return
    if graph != REWRITTEN:
        raise ConversionError(
            f"{title}: --selection_threshold needs the rewritten graph, and it is {graph}; leave it out"
        )
    describe_threshold(model, threshold)


def _cut(model: ov.Model, source: Path, arguments: OptimizerArguments, title: str) -> ov.Model:
    """Return the part of ``model`` that leads to the outputs asked for, with the inputs that it needs.

    As in Model Optimizer, inputs keep the model's order, and so do outputs if all or none of them are named; other
    outputs come in the order asked for.
    """
    results = [result.input_value(0) for result in model.get_results()]
    wanted = [_find_tensor(model, source, name) for name in dict.fromkeys(arguments.outputs)]
    if not wanted or set(map(_key, wanted)) == set(map(_key, results)):
        wanted = results
    reachable = _parameters_before(map(methodcaller("get_node"), wanted))
    parameters = [parameter for parameter in model.get_parameters() if parameter.get_friendly_name() in reachable]
    _check_inputs(model, source, arguments.inputs, parameters)
    return ov.Model(wanted, parameters, title)


def _key(port: ov.Output) -> tuple[str, int]:
    return port.get_node().get_friendly_name(), port.get_index()


def _find_tensor(model: ov.Model, source: Path, name: str) -> ov.Output:
    """Return the tensor ``name``, or one of an ONNX node: NODE or NODE:0 is its first output, 0:NODE its input."""
    tensors: dict[str, ov.Output] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Result":
            for port in node.outputs():
                tensors |= dict.fromkeys(port.get_names(), port)
    if name in tensors:
        return tensors[name]
    graph = outline(source).graph
    nodes = dict(zip(names_of(graph.node), graph.node, strict=True))
    behind, before = re.fullmatch(r"(.+):(\d+)", name), re.fullmatch(r"(\d+):(.+)", name)
    tensor = None
    if name in nodes:
        tensor = _nth(nodes[name].output, 0)
    elif behind and behind[1] in nodes:
        tensor = _nth(nodes[behind[1]].output, int(behind[2]))
    elif before and before[2] in nodes:
        tensor = _nth(nodes[before[2]].input, int(before[1]))
    if tensor not in tensors:
        own = ", ".join(port_names(model.outputs))
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
        waiting += map(methodcaller("get_node"), node.input_values())
    return found


def _check_inputs(model: ov.Model, source: Path, asked: Sequence[str], needed: Sequence[ov.Node]) -> None:
    """Raise :class:`ConversionError` if an input asked for does not exist, or one that is needed was not asked for."""
    own = tensor_names(model.inputs)
    listed = ", ".join(port_names(model.inputs))
    for name in asked:
        if name not in own:
            raise ConversionError(f"{source} has no input {name!r}; it has {listed}")
    for parameter in needed:
        names = parameter.output(0).get_names()
        if asked and not names & set(asked):
            raise ConversionError(f"{source} needs its input {', '.join(names)}, which --input or input_info leave out")


def _reshape(model: ov.Model, source: Path, shapes: Mapping[str, Sequence[Dimension]]) -> None:
    """Set the shapes of the inputs that are left."""
    if "" in shapes:
        if len(model.inputs) != 1:
            raise ConversionError(f"{source} has {len(model.inputs)} inputs; --input must name them with their shapes")
        shapes = {model.input().any_name: shapes[""]}
    there = tensor_names(model.inputs)
    new = {name: ov.PartialShape(list(shape)) for name, shape in shapes.items() if name in there}
    if new:
        model.reshape(new)


def _dimensions(shape: ov.PartialShape) -> tuple[Dimension, ...]:
    if shape.rank.is_dynamic:
        return ()
    return tuple(map(_dimension, shape))


def _dimension(side: ov.Dimension) -> Dimension:
    if side.is_static:
        return int(side.get_length())
    return (side.min_length, side.max_length) if side.max_length > 0 else -1


def _check_types(model: ov.Model, source: Path, preprocessing: Iterable[Preprocessing]) -> None:
    """Raise :class:`ConversionError` for mean or scale of an input of whole numbers, which has its own inside."""
    for step in preprocessing:
        kind = model.input(step.input_name).get_element_type()
        if (step.mean or step.scale) and not kind.is_real():
            numbers = "bytes" if kind == ov.Type.u8 else "whole numbers"
            takes = f"its input {step.input_name} takes {numbers} ({kind.get_type_name()})"
            remedy = "leave --mean_values and --scale_values out"
            raise ConversionError(f"{source}: {takes}, so mean and scale are inside the model already; {remedy}")


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


def optimize(arguments: OptimizerArguments, destination: Destination) -> Path:
    """Convert one ONNX file without a card and without a comparison, as Model Optimizer's command did it.

    Returns the ``.xml``; its weights are beside it. Both are written in full before they replace older ones, one right
    after the other. Raises :class:`omz.errors.OmzError`.
    """
    source = arguments.input_model
    if not source.is_file():
        raise ModelFileError(f"there is no file {source}; --input_model names an ONNX file")
    name = destination.model_name or source.stem
    target = destination.folder / f"{name}.xml"
    made = target.with_suffix(".bin"), target.with_suffix(".xml")
    for path in (source, *side_files(source)):
        if any(each.exists() and each.samefile(path) for each in made if path.exists()):
            raise ConversionError(f"the IR would overwrite {path}, which it is made from; give another --model_name")
    model, preprocessing = build_ir(source, arguments, name.encode("utf-8", "replace").decode())
    describe(model, preprocessing, source.name, Checksum.of(source), None)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".converting-", dir=target.parent) as workplace:
            xml = Path(workplace, target.name)
            save_ir(model, xml, "FP16" if destination.compress_to_fp16 else "FP32")
            for path in made:
                xml.with_suffix(path.suffix).replace(path)
    except OSError as error:
        raise ConversionError(f"{target} cannot be written: {os_reason(error)}") from error
    return target
