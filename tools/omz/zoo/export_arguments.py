"""``conversion_to_onnx_args``: which network, with which weights, becomes which ONNX file."""

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
"""What PyTorch calls types, and what OpenVINO does."""


@dataclass(frozen=True)
class ExportArguments:
    """How a network becomes an ONNX file, whatever framework it is of.

    ``model_params`` go to the network's constructor, ``conversion_params`` to the exporter, among them
    ``dynamic_axes``, the open dimensions; ``input_shapes`` and ``inputs_dtype`` are those of the example that the
    network is traced with. ``model_paths`` are folders with code that the network needs; ``weights`` is None where the
    network loads them by itself. ``opset_version`` is None where the exporter takes no wish.
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
        """OpenVINO's name of the inputs' type."""
        return DTYPES[self.inputs_dtype]

    def absolute(self) -> ExportArguments:
        """Return the same with files that do not depend on the working directory."""
        weights = self.weights.absolute() if self.weights else None
        return dataclasses.replace(self, weights=weights, output_file=self.output_file.absolute())

    @property
    def is_ours(self) -> bool:
        """Whether the network is one of Open Matting Zoo's own, and not code that came with the card."""
        return self.import_module.startswith(OWN_NETWORKS) and not self.model_paths


def parse_export_arguments(card: ModelCard, download_dir: Path, output_dir: Path) -> ExportArguments:
    """Understand the card's ``conversion_to_onnx_args``; raises :class:`CardError` naming the argument."""
    where = f"{card.path}: conversion_to_onnx_args"
    parse = parse_mindspore_arguments if card.framework == "mindspore" else parse_pytorch_arguments
    understood = parse(card.substitute(card.conversion_to_onnx_args, download_dir, output_dir), where)
    if _plain(output_dir / card.subdirectory) not in _plain(understood.output_file).parents:
        raise CardError(f"{where}: the output file {understood.output_file} is not in $conv_dir")
    return understood


def parse_pytorch_arguments(arguments: Sequence[str], where: str) -> ExportArguments:
    """Understand the flags of Open Model Zoo's PyTorch exporter; raises :class:`CardError` beginning with ``where``."""
    parser = CardArgumentParser(where)
    parser.add_argument("--import-module", required=True)
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--model-param", action="append", default=[])
    parser.add_argument("--weights")
    parser.add_argument("--model-path", action="append", default=[])
    parser.add_argument("--inputs-dtype", default="float", choices=DTYPES)
    parser.add_argument("--input-shapes", required=True)
    parser.add_argument("--input-names", required=True)
    parser.add_argument("--output-names", required=True)
    parser.add_argument("--output-file", required=True)
    parser.add_argument("--opset_version", type=int, default=11)
    parser.add_argument("--conversion-param", action="append", default=[])
    found = parser.parse(arguments)
    return ExportArguments(
        import_module=found.import_module,
        model_name=found.model_name,
        model_params=dict(_named_literal(parser, "--model-param", text) for text in found.model_param),
        weights=Path(found.weights) if found.weights else None,
        input_shapes=_shapes(parser, "--input-shapes", found.input_shapes),
        input_names=tuple(found.input_names.split(",")),
        output_names=tuple(found.output_names.split(",")),
        output_file=Path(found.output_file),
        opset_version=found.opset_version,
        conversion_params=dict(_named_literal(parser, "--conversion-param", text) for text in found.conversion_param),
        model_paths=tuple(Path(path) for path in found.model_path),
        inputs_dtype=found.inputs_dtype,
    )


def parse_mindspore_arguments(arguments: Sequence[str], where: str) -> ExportArguments:
    """Understand the flags of the MindSpore exporter; raises :class:`CardError` that begins with ``where``.

    A batch of -1 is left open.
    """
    parser = CardArgumentParser(where)
    parser.add_argument("--network", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--input_shape", required=True)
    parser.add_argument("--input_names", required=True)
    parser.add_argument("--output_names", required=True)
    parser.add_argument("--output_file", required=True)
    found = parser.parse(arguments)
    module, _, name = found.network.rpartition(".")
    if not module.startswith(OWN_NETWORKS):
        parser.error(f"--network={found.network} is none of Open Matting Zoo's own, {OWN_NETWORKS}module.Class")
    if not found.output_file:
        parser.error("--output_file is empty")
    names = _names(parser, "--input_names", found.input_names)
    shapes = _shapes(parser, "--input_shape", found.input_shape, least=-1)
    if len(shapes) != len(names):
        parser.error(f"--input_shape has {len(shapes)} shapes for {len(names)} inputs")
    open_axes = {
        input_name: {
            axis: "batch" if axis == 0 else f"{input_name}_{axis}" for axis, side in enumerate(shape) if side < 0
        }
        for input_name, shape in zip(names, shapes, strict=True)
        if min(shape, default=0) < 0
    }
    return ExportArguments(
        import_module=module,
        model_name=name,
        model_params={},
        weights=Path(found.weights),
        input_shapes=tuple(tuple(1 if side < 0 else side for side in shape) for shape in shapes),
        input_names=names,
        output_names=_names(parser, "--output_names", found.output_names),
        output_file=Path(found.output_file),
        opset_version=None,
        conversion_params={"dynamic_axes": open_axes} if open_axes else {},
    )


def _names(parser: CardArgumentParser, flag: str, text: str) -> tuple[str, ...]:
    """Read ``trimap,alpha``."""
    names = tuple(text.split(","))
    if not all(re.fullmatch(r"\S+", name) for name in names) or len(set(names)) < len(names):
        parser.error(f"{flag}={text!r} is no list of different names, separated by commas")
    return names


def _shapes(parser: CardArgumentParser, flag: str, text: str, least: int = 0) -> tuple[tuple[int, ...], ...]:
    """Read ``1,3,8,8`` or ``[1,3,8,8],[1,4]``."""
    shapes = _literal(parser, flag, f"[{text}]")
    if not any(isinstance(shape, (list, tuple)) for shape in shapes):
        shapes = [shapes]
    for side in (side for shape in shapes for side in (shape if isinstance(shape, (list, tuple)) else [None])):
        if not isinstance(side, int) or isinstance(side, bool) or not least <= side < _MOST:
            parser.error(f"{flag}={text} is not of the form [1,3,8,8],[1,4]")
    return tuple(tuple(shape) for shape in shapes)


def _plain(path: Path) -> Path:
    """Return an absolute path without ``..``."""
    return Path(os.path.abspath(path))


def _named_literal(parser: CardArgumentParser, flag: str, text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        parser.error(f"{flag}={text} is not of the form name=value")
    return name, _literal(parser, f"{flag}={name}", value)


def _literal(parser: CardArgumentParser, flag: str, text: str) -> Any:
    """Read a Python literal; nothing is evaluated."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        parser.error(f"{flag}: {text} is not a number, string, list or dictionary")
