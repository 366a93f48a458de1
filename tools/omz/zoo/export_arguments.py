"""``conversion_to_onnx_args``: the network, its weights, and the ONNX file to write."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omz.errors import CardError
from omz.zoo.argument_parser import CardArgumentParser
from omz.zoo.card import ModelCard

OWN_NETWORKS = "omz.networks."
_MOST = 1 << 31
DTYPES = {
    "bool": "boolean",
    "double": "f64",
    "float": "f32",
    "half": "f16",
    "int32": "i32",
    "int8": "i8",
    "long": "i64",
    "short": "i16",
    "uint8": "u8",
}
"""PyTorch's names of types, and OpenVINO's."""


@dataclass(frozen=True)
class ExportArguments:
    """Arguments for the export of a network of any framework to an ONNX file.

    ``model_params`` go to the network's constructor, ``conversion_params`` to the exporter, among them
    ``dynamic_axes``, the open dimensions; ``input_shapes`` and ``inputs_dtype`` are those of the example that the
    network is traced with. ``model_paths`` are folders with code that the network needs; ``weights`` is None if the
    network loads them by itself. ``opset_version`` is None if the exporter chooses it.
    """

    import_module: str
    model_name: str
    model_params: dict[str, Any]
    weights: Path | None
    input_shapes: tuple[tuple[int, ...], ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    output_file: Path
    opset_version: int | None
    conversion_params: dict[str, Any]
    model_paths: tuple[Path, ...] = ()
    inputs_dtype: str = "float"

    @property
    def element_type(self) -> str:
        """OpenVINO's name for the type of the inputs."""
        return DTYPES[self.inputs_dtype]

    def absolute(self) -> ExportArguments:
        """Return the same with absolute paths."""
        weights = self.weights and self.weights.absolute()
        return dataclasses.replace(self, weights=weights, output_file=self.output_file.absolute())

    @property
    def is_ours(self) -> bool:
        """Whether the network is one of Open Matting Zoo's own, not code of the card."""
        return self.import_module.startswith(OWN_NETWORKS) and not self.model_paths


def parse_export_arguments(card: ModelCard, download_dir: Path, output_dir: Path) -> ExportArguments:
    """Parse the card's ``conversion_to_onnx_args``; raises :class:`CardError` that names the argument."""
    where = f"{card.path}: conversion_to_onnx_args"
    parse = parse_mindspore_arguments if card.framework == "mindspore" else parse_pytorch_arguments
    parsed = parse(card.substitute(card.conversion_to_onnx_args, download_dir, output_dir), where)
    if Path(os.path.abspath(output_dir / card.subdirectory)) not in Path(os.path.abspath(parsed.output_file)).parents:
        raise CardError(f"{where}: the output file {parsed.output_file} is not in $conv_dir")
    return parsed


def parse_pytorch_arguments(arguments: Sequence[str], where: str) -> ExportArguments:
    """Parse the flags of Open Model Zoo's PyTorch exporter; raises :class:`CardError` that begins with ``where``."""
    parser = CardArgumentParser(where)
    parser.add_texts("--import-module", "--model-name", "--input-shapes", required=True)
    parser.add_texts("--input-names", "--output-names", "--output-file", required=True)
    parser.add_argument("--model-param", action="append", default=[])
    parser.add_argument("--weights")
    parser.add_argument("--model-path", action="append", default=[])
    parser.add_argument("--inputs-dtype", default="float", choices=DTYPES)
    parser.add_argument("--opset_version", type=int, default=11)
    parser.add_argument("--conversion-param", action="append", default=[])
    found = parser.parse(arguments)
    return ExportArguments(
        import_module=found.import_module,
        model_name=found.model_name,
        model_params=_named_literals(parser, "--model-param", found.model_param),
        weights=Path(found.weights) if found.weights else None,
        input_shapes=_shapes(parser, "--input-shapes", found.input_shapes),
        input_names=tuple(found.input_names.split(",")),
        output_names=tuple(found.output_names.split(",")),
        output_file=Path(found.output_file),
        opset_version=found.opset_version,
        conversion_params=_named_literals(parser, "--conversion-param", found.conversion_param),
        model_paths=tuple(map(Path, found.model_path)),
        inputs_dtype=found.inputs_dtype,
    )


def parse_mindspore_arguments(arguments: Sequence[str], where: str) -> ExportArguments:
    """Parse the flags of the MindSpore exporter; raises :class:`CardError` that begins with ``where``.

    A batch of -1 is left open.
    """
    parser = CardArgumentParser(where)
    parser.add_texts("--network", "--weights", "--input_shape", required=True)
    parser.add_texts("--input_names", "--output_names", "--output_file", required=True)
    found = parser.parse(arguments)
    module, _, name = found.network.rpartition(".")
    if not module.startswith(OWN_NETWORKS):
        parser.error(f"--network={found.network} is not one of Open Matting Zoo's own, {OWN_NETWORKS}module.Class")
    if not found.output_file:
        parser.error("--output_file is empty")
    names = _names(parser, "--input_names", found.input_names)
    shapes = _shapes(parser, "--input_shape", found.input_shape, least=-1)
    if len(shapes) != len(names):
        parser.error(f"--input_shape has {len(shapes)} shapes for {len(names)} inputs")
    open_axes = {}
    for input_name, shape in zip(names, shapes, strict=True):
        axes = {axis: f"{input_name}_{axis}" for axis, side in enumerate(shape) if side < 0}
        if 0 in axes:
            axes[0] = "batch"
        if axes:
            open_axes[input_name] = axes
    return ExportArguments(
        import_module=module,
        model_name=name,
        model_params={},
        weights=Path(found.weights),
        input_shapes=tuple(tuple(map(abs, shape)) for shape in shapes),  # -1 becomes 1
        input_names=names,
        output_names=_names(parser, "--output_names", found.output_names),
        output_file=Path(found.output_file),
        opset_version=None,
        conversion_params={"dynamic_axes": open_axes} if open_axes else {},
    )


def _names(parser: CardArgumentParser, flag: str, text: str) -> tuple[str, ...]:
    """Read ``trimap,alpha``."""
    names = tuple(text.split(","))
    if not re.fullmatch(r"[^\s,]+(,[^\s,]+)*", text) or len(set(names)) < len(names):
        parser.error(f"{flag}={text!r} must be different names, separated by commas")
    return names


def _shapes(parser: CardArgumentParser, flag: str, text: str, least: int = 0) -> tuple[tuple[int, ...], ...]:
    """Read ``1,3,8,8`` or ``[1,3,8,8],[1,4]``."""
    shapes = _literal(parser, flag, f"[{text}]")
    if not any(isinstance(shape, (list, tuple)) for shape in shapes):
        shapes = [shapes]
    for shape in shapes:
        sides = shape if isinstance(shape, (list, tuple)) else [None]
        if not all(type(side) is int and least <= side < _MOST for side in sides):
            parser.error(f"{flag}={text} is not of the form [1,3,8,8],[1,4]")
    return tuple(map(tuple, shapes))


def _named_literals(parser: CardArgumentParser, flag: str, texts: Sequence[str]) -> dict[str, Any]:
    literals = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            parser.error(f"{flag}={text} is not of the form name=value")
        literals[name] = _literal(parser, f"{flag}={name}", value)
    return literals


def _literal(parser: CardArgumentParser, flag: str, text: str) -> Any:
    """Read a Python literal; nothing is evaluated."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        parser.error(f"{flag}: {text} is not a number, string, list or dictionary")
