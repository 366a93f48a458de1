"""ONNX files, before OpenVINO sees them."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from omz.errors import ConversionError

NOT_ONNX = "cannot be read as ONNX"


def check_onnx(source: Path) -> tuple[list[str], list[str]]:
    """Return the names of the inputs and of the outputs, in order.

    Raises :class:`ConversionError` for a file that is no ONNX, or whose nodes do not hang together.

    OpenVINO would try the one as everything else that it reads, and its older releases crash on the other.
    """
    try:
        model = onnx.load(str(source), load_external_data=False)
        graph = model.graph
        given = {value.name for value in (*graph.input, *graph.initializer)} | {
            name for node in graph.node for name in node.output
        }
        given |= {sparse.values.name for sparse in graph.sparse_initializer} | {""}  # an input may be left out
        needed = [(f"its node {node.name or node.op_type}", name) for node in graph.node for name in node.input]
        needed += [("an output", value.name) for value in graph.output]
    except OSError as error:
        raise ConversionError(f"{source} cannot be read: {error.strerror or error}") from error
    except (DecodeError, UnicodeDecodeError) as error:
        raise ConversionError(f"{source} {NOT_ONNX}: it is damaged, or something else") from error
    if not needed or not model.opset_import:
        raise ConversionError(f"{source} {NOT_ONNX}: there is no network in it")
    for who, name in needed:
        if name not in given:
            raise ConversionError(f"{source} {NOT_ONNX}: {who} needs {name!r}, which nothing gives")
    return [value.name for value in graph_inputs(graph)], [value.name for value in graph.output]


def graph_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return what must be given to a graph, and not what is listed among its inputs as a constant that may be."""
    constants = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in constants]


def side_files(source: Path) -> list[Path]:
    """Return the files beside ``source`` that hold weights of it; none for a file that cannot be read as ONNX."""
    try:
        graph = onnx.load(str(source), load_external_data=False).graph
    except (OSError, DecodeError, UnicodeDecodeError):
        return []
    tensors = [*graph.initializer, *(attribute.t for node in graph.node for attribute in node.attribute)]
    names = dict.fromkeys(ExternalDataInfo(tensor).location for tensor in tensors if uses_external_data(tensor))
    return [source.parent / name for name in names]
