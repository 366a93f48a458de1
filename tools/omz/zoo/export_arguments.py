"""``conversion_to_onnx_args``: which network, with which weights, becomes which ONNX file."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """The arguments of Open Model Zoo's PyTorch exporter, understood.

    ``model_params`` go to the network's constructor, ``conversion_params`` to the exporter; ``input_shapes`` and
    ``inputs_dtype`` are those of the example that the network is traced with. ``model_paths`` are folders with code
    that the network needs; ``weights`` is None where the network loads them by itself.
    """

    import_module: str
    model_name: str
    model_params: dict[str, Any]
    weights: Path | None
    input_shapes: tuple[tuple[int, ...], ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    output_file: Path
    opset_version: int
    conversion_params: dict[str, Any]
    model_paths: tuple[Path, ...] = ()
    inputs_dtype: str = "float"

    @property
    def element_type(self) -> str:
        """OpenVINO's name of the inputs' type."""
        return DTYPES[self.inputs_dtype]

    @property
    def is_ours(self) -> bool:
        """Whether the network is one of Open Matting Zoo's own, and not code that came with the card."""
        return self.import_module.startswith(OWN_NETWORKS) and not self.model_paths


def parse_export_arguments(card: ModelCard, download_dir: Path, output_dir: Path) -> ExportArguments:
    """Understand the card's ``conversion_to_onnx_args``; raises :class:`CardError` naming the argument."""
    parser = CardArgumentParser(f"{card.path}: conversion_to_onnx_args")
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
    found = parser.parse(card.substitute(card.conversion_to_onnx_args, download_dir, output_dir))
    names = tuple(found.input_names.split(","))
    shapes = _shapes(parser, found.input_shapes)
    output_file, folder = Path(found.output_file), output_dir / card.subdirectory
    if _plain(folder) not in _plain(output_file).parents:
        parser.error(f"--output-file={output_file} is not in $conv_dir")
    return ExportArguments(
        import_module=found.import_module,
        model_name=found.model_name,
        model_params=dict(_named_literal(parser, "--model-param", text) for text in found.model_param),
        weights=Path(found.weights) if found.weights else None,
        input_shapes=shapes,
        input_names=names,
        output_names=tuple(found.output_names.split(",")),
        output_file=output_file,
        opset_version=found.opset_version,
        conversion_params=dict(_named_literal(parser, "--conversion-param", text) for text in found.conversion_param),
        model_paths=tuple(Path(path) for path in found.model_path),
        inputs_dtype=found.inputs_dtype,
    )


def _shapes(parser: CardArgumentParser, text: str) -> tuple[tuple[int, ...], ...]:
    """Read ``1,3,8,8`` or ``[1,3,8,8],[1,4]``."""
    shapes = _literal(parser, "--input-shapes", f"[{text}]")
    if not any(isinstance(shape, (list, tuple)) for shape in shapes):
        shapes = [shapes]
    for side in (side for shape in shapes for side in (shape if isinstance(shape, (list, tuple)) else [None])):
        if not isinstance(side, int) or isinstance(side, bool) or not 0 <= side < _MOST:
            parser.error(f"--input-shapes={text} is not of the form [1,3,8,8],[1,4]")
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
