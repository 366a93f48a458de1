"""Checks of ONNX files before OpenVINO reads them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx.external_data_helper import uses_external_data

from omz.errors import ConversionError, os_reason, os_remedy
from omz.paths import what_else

_VALUES = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")
_NUMBER = re.compile(r"[0-9]{1,18}")
NOT_ONNX = "cannot be read as ONNX"


def outline(source: Path) -> onnx.ModelProto:
    """Return an ONNX file without the values of its constants; it is read once, as long as it does not change.

    Raises :class:`OSError`, :class:`DecodeError` or :class:`UnicodeDecodeError`. Do not change it.
    """
    facts = source.stat()
    return _outline(source, facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(1)
def _outline(source: Path, size: int, time: int) -> onnx.ModelProto:
    model = onnx.load(str(source), load_external_data=False)
    for tensor in _tensors(model):
        for name in _VALUES:
            tensor.ClearField(name)
    light = onnx.ModelProto()
    light.CopyFrom(model)  # for what is cleared keeps its memory
    return light


def check_onnx(source: Path) -> tuple[list[str], list[str]]:
    """Return the names of the inputs and of the outputs, in order.

    Raises :class:`ConversionError` if the file is not ONNX, if a node takes a tensor that nothing makes, or if weights
    are said to lie where they cannot in the file beside it. OpenVINO
    would try to read the former as every other format, and its older releases crash on the latter.
    """
    try:
        model = outline(source)
        graph = model.graph
        given = {"", *names_of(graph.input), *names_of(graph.initializer)}  # an input may be left out
        given |= {sparse.values.name for sparse in graph.sparse_initializer}
        needed: list[tuple[str, str]] = []
        for node in graph.node:
            given.update(node.output)
            needed += zip(repeat(f"its node {node.name or node.op_type}"), node.input)
        needed += zip(repeat("an output"), names_of(graph.output))
        for tensor in _tensors(model):
            _check_place(source, tensor)
    except OSError as error:
        remedy = os_remedy(error, "check the path")
        raise ConversionError(f"{source} cannot be read: {os_reason(error)}; {remedy}") from error
    except (DecodeError, UnicodeDecodeError) as error:
        raise ConversionError(f"{source} {NOT_ONNX}: it is damaged, or something else; name an ONNX file") from error
    if not needed or not model.opset_import:
        raise ConversionError(f"{source} {NOT_ONNX}: it contains no network")
    for who, name in needed:
        if name not in given:
            raise ConversionError(f"{source} {NOT_ONNX}: {who} needs {name!r}, which nothing makes")
    return names_of(graph_inputs(graph)), names_of(graph.output)


def names_of(values: Iterable[onnx.ValueInfoProto | onnx.TensorProto]) -> list[str]:
    """Return the names of values or constants of a graph."""
    return [value.name for value in values]


def graph_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs of a graph that must be given, without constants that are listed among its inputs."""
    constants = set(names_of(graph.initializer))
    return [value for value in graph.input if value.name not in constants]


def side_files(source: Path) -> list[Path]:
    """Return the files beside ``source`` that hold its weights; none if it cannot be read as ONNX.

    These may be weights of any graph: of the bodies of If, Loop and Scan, at any depth, and of functions, too.
    """
    try:
        model = outline(source)
    except (OSError, DecodeError, UnicodeDecodeError):
        return []
    found: dict[Path, None] = {}
    for tensor in _tensors(model):
        if uses_external_data(tensor):
            found[source.parent / _place(tensor).get("location", "")] = None
    return list(found)


def _place(tensor: onnx.TensorProto) -> dict[str, str]:
    """Return the place of a constant in another file: ``location``, and perhaps ``offset`` and ``length``."""
    return {entry.key: entry.value for entry in tensor.external_data}


def _check_place(source: Path, tensor: onnx.TensorProto) -> None:
    if not uses_external_data(tensor):
        return
    place = _place(tensor)
    path = source.parent / place.get("location", "")
    said = f"offset {place.get('offset', 0)}, length {place.get('length', 'to the end')}"
    numbers = [place[name] for name in ("offset", "length") if name in place]
    remedy = "get both files again"
    if what_else(path):
        raise ConversionError(f"{source} {NOT_ONNX}: {path}, which has its weights, is {what_else(path)}; {remedy}")
    if not all(map(_NUMBER.fullmatch, numbers)):
        raise ConversionError(f"{source} {NOT_ONNX}: {tensor.name!r} has no place in {path.name}: {said}; {remedy}")
    if path.is_file() and sum(map(int, numbers)) > path.stat().st_size:
        raise ConversionError(
            f"{source} {NOT_ONNX}: {tensor.name!r} lies behind the end of {path.name}: {said}; {remedy}"
        )


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield all constants of a model."""
    graphs = [model.graph]
    nodes: list[onnx.NodeProto] = []
    for function in model.functions:
        nodes += function.node
    while graphs or nodes:
        while graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes += graph.node
        for attribute in nodes.pop().attribute if nodes else ():
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            if attribute.HasField("g"):
                graphs.append(attribute.g)
            graphs += attribute.graphs
