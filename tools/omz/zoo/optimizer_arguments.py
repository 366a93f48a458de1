"""``model_optimizer_args``: the flags of Model Optimizer that still have a meaning, parsed as it did."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omz.errors import CardError, UsageError
from omz.zoo.argument_parser import CardArgumentParser

if TYPE_CHECKING:
    from omz.zoo.card import ModelCard

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_VALUES = rf"{_NUMBER}(?:\s*,\s*{_NUMBER})*"
_GROUP = re.compile(
    rf"(?P<name>[^\[\](),]*)(?:\[\s*(?P<square>{_VALUES})\s*\]|\(\s*(?P<round>{_VALUES})\s*\))\s*(?:,(?=.)|$)"
)
_DIMENSION = re.compile(r"-1|\?|\d+|\d+\.\.\d*|\.\.\d+")
_LAYOUT = r"\[?[A-Za-z?.,\s]+\]?"
_INPUT = re.compile(r"(?P<name>[^\[\](){}>]+)(?:[\[(](?P<shape>[^\])]*)[\])])?")

_TENSORFLOW = "TensorFlow models are not converted here"
_TRANSFORMATIONS = "its TensorFlow transformations were part of Model Optimizer"
NO_EQUIVALENT = {
    "--transformations_config": _TRANSFORMATIONS,
    "--tensorflow_use_custom_operations_config": _TRANSFORMATIONS,
    "--tensorflow_object_detection_api_pipeline_config": _TRANSFORMATIONS,
    "--saved_model_dir": _TENSORFLOW,
    "--input_meta_graph": _TENSORFLOW,
    "--input_checkpoint": _TENSORFLOW,
    "--freeze_placeholder_with_value": _TENSORFLOW,
    "--disable_nhwc_to_nchw": _TENSORFLOW,
    "--input_proto": "Caffe models are not converted here",
}
"""Unsupported flags, and the reasons."""

_MOST = 1 << 31
_TRUTHS = ("true", "false")
_DATA_TYPES = {"FP16": True, "HALF": True, "FP32": False, "FLOAT": False}
_WITHOUT_EFFECT = ("--framework", "--log_level", "--progress", "--silent", "--stream_output", "--use_new_frontend")
"""Flags of Model Optimizer without effect here; the framework follows from the file."""

Dimension = int | tuple[int, int]
"""A number of elements, -1 for any, or (least, most), where -1 stands for unbounded."""

Group = tuple[str, tuple[float, ...]]
"""The name of an input, empty for the next one, and a value for all channels or one for each."""


@dataclass(frozen=True)
class Layouts:
    """The order of dimensions in the source model, and in the converted one, such as NCHW."""

    source: str
    target: str


@dataclass(frozen=True)
class OptimizerArguments:
    """Arguments for the conversion of the source model.

    ``inputs`` and ``outputs`` are the names that it is cut at; empty: all of its own. ``shapes`` and ``layouts`` have
    the name of the input as key, "" for the only input. ``mean`` and ``scale`` hold groups as they were given;
    ``scale_all`` divides every input. ``picture_type`` and ``picture_layout`` are those in which the converted model
    takes pictures, empty for those of the source; Model Optimizer had no flag for them.
    """

    input_model: Path
    inputs: tuple[str, ...]
    shapes: Mapping[str, tuple[Dimension, ...]]
    layouts: Mapping[str, Layouts]
    outputs: tuple[str, ...]
    reverse_input_channels: bool
    mean: tuple[Group, ...]
    scale: tuple[Group, ...]
    scale_all: float | None
    picture_type: str = ""
    picture_layout: str = ""


@dataclass(frozen=True)
class Destination:
    """Output of Model Optimizer; ``model_name`` is empty for the name of the source."""

    folder: Path
    model_name: str
    compress_to_fp16: bool


def card_arguments(
    card: ModelCard, download_dir: Path, output_dir: Path, extra: Sequence[str] = ()
) -> OptimizerArguments:
    """Parse the arguments of a card, then ``extra``.

    Raises :class:`CardError` that names card and flag, and :class:`UsageError` for one of ``extra``.
    """
    arguments = argument_list(card, download_dir, output_dir)
    parsed = parse_optimizer_arguments(arguments, f"{card.path}: model_optimizer_args")
    if not extra:
        return parsed
    try:
        return parse_optimizer_arguments([*arguments, *extra], f"{card.name}: --add_mo_arg")
    except CardError as error:
        raise UsageError(str(error)) from None


def argument_list(card: ModelCard, download_dir: Path, output_dir: Path, extra: Sequence[str] = ()) -> list[str]:
    """Return the command line that Open Model Zoo's converter makes of a card.

    The order is: names of ``input_info``, the card's own arguments, layouts and shapes of ``input_info``, ``extra``.
    The last one of a flag counts.
    """
    names, layouts, shapes = [], [], []
    for info in card.input_info:
        names.append(info.name)
        if info.layout:
            layouts.append(f"{info.name}({info.layout})")
        if info.shape:
            shapes.append(str(list(info.shape)))
    arguments = [*card.substitute(card.model_optimizer_args or (), download_dir, output_dir)]
    if names:
        arguments.insert(0, f"--input={','.join(names)}")
    for flag, values in (("--layout", layouts), ("--input_shape", shapes)):
        if values:
            arguments.append(f"{flag}={','.join(values)}")
    return [*arguments, *extra]


def parse_optimizer_arguments(arguments: Sequence[str], where: str) -> OptimizerArguments:
    """Parse flags of Model Optimizer; raises :class:`CardError` that begins with ``where`` and names the flag."""
    return parse_command_line(arguments, where)[0]


def parse_command_line(arguments: Sequence[str], where: str) -> tuple[OptimizerArguments, Destination]:
    """Parse a whole command line of Model Optimizer, as :func:`parse_optimizer_arguments` does."""
    parser = CardArgumentParser(where, NO_EQUIVALENT)
    parser.add_argument("--input_model", "-m", required=True)
    parser.add_texts("--input", "--input_shape", "--layout", "--output", "--mean_values", "--scale_values")
    parser.add_argument("--reverse_input_channels", nargs="?", const="true", default="false", type=str.lower)
    parser.add_argument("--scale", "-s", type=float)
    parser.add_argument("--model_name", "-n", default="")
    parser.add_argument("--output_dir", "-o", default=".")
    parser.add_argument("--compress_to_fp16", nargs="?", const="true", default="true", type=str.lower, choices=_TRUTHS)
    parser.add_argument("--data_type", type=str.upper, choices=_DATA_TYPES)  # until 2022.3
    for flag in _WITHOUT_EFFECT:
        parser.add_argument(flag, nargs="?")
    found = parser.parse(arguments)
    for flag in ("input_model", "output_dir"):
        if not getattr(found, flag):
            parser.error(f"--{flag} is empty; give a path")
    if found.scale is not None and found.scale_values:
        parser.error("--scale and --scale_values exclude each other")
    if found.scale is not None and (found.scale == 0 or not math.isfinite(found.scale)):
        parser.error(f"--scale must be a number other than 0, not {found.scale}")
    if found.reverse_input_channels not in _TRUTHS:
        parser.error(f"--reverse_input_channels must be True or False, not {found.reverse_input_channels}")
    inputs, shapes = _inputs(parser, found.input)
    if found.input_shape.strip():
        shapes = _shapes(parser, found.input_shape, inputs)
    scale = _groups(parser, "--scale_values", found.scale_values)
    if any(0 in values for _, values in scale):
        parser.error("--scale_values must not contain 0")
    optimizer = OptimizerArguments(
        input_model=Path(found.input_model),
        inputs=inputs,
        shapes=shapes,
        layouts=_layouts(parser, found.layout, inputs),
        outputs=tuple(filter(None, map(str.strip, found.output.split(",")))),
        reverse_input_channels=found.reverse_input_channels == "true",
        mean=_groups(parser, "--mean_values", found.mean_values),
        scale=scale,
        scale_all=found.scale,
    )
    half = _DATA_TYPES.get(found.data_type, found.compress_to_fp16 == "true")
    return optimizer, Destination(Path(found.output_dir), found.model_name, half)


def parse_shapes(text: str) -> dict[str, tuple[Dimension, ...]]:
    """Parse ``src[1,3,720,1280],bgr[1,3,-1,-1]``, or one shape for all inputs, whose key is then "".

    Raises :class:`UsageError`.
    """
    parser = CardArgumentParser("--shape")
    try:
        if re.fullmatch(r"\s*[\[(]?[^\[\](){}A-Za-z]+[\])]?\s*", text):
            return {"": _shape(parser, "the shape of all inputs", text.strip().strip("[]()"))}
        names, shapes = _inputs(parser, text)
    except CardError as error:
        raise UsageError(str(error)) from None
    if len(shapes) != len(names) or not names:
        raise UsageError(f"--shape {text} has no shape for an input; write name[1,3,720,1280],name[1,3,-1,-1]")
    return shapes


def shape_text(shape: Sequence[Dimension]) -> str:
    """Write a shape as ``--input_shape`` takes it, such as ``[1,3,-1,2..4]``."""
    sides = (f"{side[0]}..{side[1]}" if isinstance(side, tuple) else str(side) for side in shape)
    return f"[{','.join(sides)}]".replace("..-1", "..")


def _inputs(parser: CardArgumentParser, text: str) -> tuple[tuple[str, ...], dict[str, tuple[Dimension, ...]]]:
    """Read ``name,name[1,3,8,8]``."""
    names, shapes = [], {}
    for part in _split(text):
        match = _INPUT.fullmatch(part)
        if not match:
            parser.error(f"--input={text}: {part} is not supported; give a name, or a name and its shape")
        name = match["name"].strip()
        names.append(name)
        if match["shape"] is not None:
            shapes[name] = _shape(parser, "--input", match["shape"])
    return tuple(names), shapes


def _shapes(parser: CardArgumentParser, text: str, inputs: tuple[str, ...]) -> dict[str, tuple[Dimension, ...]]:
    """Read ``[1,3,8,8],[1,3,-1,2..4]``, one for each input."""
    parts = re.findall(r"[\[(]([^\])]*)[\])]", text) or [text]
    shapes = [_shape(parser, "--input_shape", part) for part in parts]
    names = inputs or ("",)
    if len(shapes) != len(names):
        parser.error(f"--input_shape has {len(shapes)} shapes for {len(names)} inputs")
    return dict(zip(names, shapes, strict=True))


def _shape(parser: CardArgumentParser, flag: str, text: str) -> tuple[Dimension, ...]:
    if not text.strip():
        return ()
    dimensions = re.split(r"[\s,]+", text.strip())
    for dimension in dimensions:
        if not _DIMENSION.fullmatch(dimension) or not _is_sensible(dimension):
            parser.error(f"{flag}: {dimension[:40]} is not a dimension; give a number, -1, ? or a range such as 2..4")
    return tuple(map(_dimension, dimensions))


def _is_sensible(dimension: str) -> bool:
    """Tell whether a dimension has elements, but not too many, and a range has its ends in order."""
    ends = [*map(int, re.findall(r"(?<!-)(\d{1,11})\d*", dimension))]
    return ends == sorted(ends) and min(ends, default=1) > 0 and max(ends, default=1) < _MOST


def _dimension(text: str) -> Dimension:
    if ".." in text:
        least, most = text.split("..")
        return int(least or 0), int(most or -1)
    return int(text.replace("?", "-1"))


def _layouts(parser: CardArgumentParser, text: str, inputs: tuple[str, ...]) -> dict[str, Layouts]:
    """Read ``name(nchw),name(nhwc->nchw)``, or for the only input ``nchw``."""
    layouts = {}
    for part in _split(text):
        named = re.fullmatch(rf"(?P<name>[^()]+)\((?P<source>{_LAYOUT})(?:->(?P<target>{_LAYOUT}))?\)", part)
        alone = re.fullmatch(rf"(?P<name>)(?P<source>{_LAYOUT})(?:->(?P<target>{_LAYOUT}))?", part)
        match = named or alone
        if not match:
            parser.error(f"--layout={text} is not of the form name(nchw),name(nhwc->nchw)")
        name, source = match["name"].strip(), match["source"]
        if name in layouts:
            parser.error(f"--layout={text} leaves out the name of an input, or has one twice")
        layouts[name] = Layouts(_letters(source), _letters(match["target"] or source))
    if "" in layouts and len(layouts) > 1:
        parser.error(f"--layout={text} leaves out the name of an input")
    for name in layouts:
        if name and inputs and name not in inputs:
            parser.error(f"--layout names {name!r}, but the inputs are {', '.join(inputs)}")
    return layouts


def _letters(text: str) -> str:
    return re.sub(r"[\[\],\s]", "", text).upper()


def _split(text: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth, current = [], 0, ""
    for letter in text:
        depth += (letter in "[({") - (letter in "])}")
        if letter == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [*filter(None, map(str.strip, [*parts, current]))]


def _groups(parser: CardArgumentParser, flag: str, text: str) -> tuple[Group, ...]:
    """Read ``name[v,v],name(v)`` or ``[v,v],[v]``; brackets may be left out around bare values."""
    if not text.strip():
        return ()
    if re.fullmatch(rf"\s*{_VALUES}\s*", text):
        text = f"[{text}]"
    groups: list[Group] = []
    position = 0
    while position < len(text):
        match = _GROUP.match(text, position)
        if not match:
            parser.error(f"{flag}={text} is not of the form name[v,v,v],name[v,v,v]")
        values = tuple(map(float, (match["square"] or match["round"]).split(",")))
        if not all(map(math.isfinite, values)):
            parser.error(f"{flag}={text[:80]} has a number that is too large")
        groups.append((match["name"].strip(), values))
        position = match.end()
    names = [name for name, _ in groups if name]
    if names and len(names) != len(groups):
        parser.error(f"{flag} mixes named and unnamed groups of values")
    return tuple(groups)
