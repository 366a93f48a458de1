"""``model_optimizer_args``: the arguments of Model Optimizer that cards use, with its meaning."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from omz.zoo.argument_parser import CardArgumentParser
from omz.zoo.card import InputInfo, ModelCard
from omz.zoo.preprocessing import Preprocessing

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_VALUES = rf"{_NUMBER}(?:\s*,\s*{_NUMBER})*"
_GROUP = re.compile(
    rf"\s*(?P<name>[^\s\[\](),=]*)\s*(?:\[\s*(?P<square>{_VALUES})\s*\]|\(\s*(?P<round>{_VALUES})\s*\))\s*(?:,(?=.)|$)"
)


@dataclass(frozen=True)
class OptimizerArguments:
    """What becomes of the source model: ``outputs`` in the order asked for (none: all of the model's)."""

    input_model: Path
    outputs: tuple[str, ...]
    preprocessing: tuple[Preprocessing, ...]


def parse_optimizer_arguments(card: ModelCard, download_dir: Path, output_dir: Path) -> OptimizerArguments:
    """Understand the card's ``model_optimizer_args``; raises :class:`CardError` for what has no equivalent."""
    parser = CardArgumentParser(card, "model_optimizer_args")
    parser.add_argument("--input_model", required=True)
    parser.add_argument("--output", default="")
    parser.add_argument("--reverse_input_channels", nargs="?", const="true", default="false", type=str.lower)
    parser.add_argument("--mean_values", default="")
    parser.add_argument("--scale_values", default="")
    parser.add_argument("--scale", type=float)
    found = parser.parse(card.substitute(card.model_optimizer_args or (), download_dir, output_dir))
    if found.scale is not None and found.scale_values:
        parser.error("--scale and --scale_values exclude each other")
    if found.scale is not None and (found.scale == 0 or not math.isfinite(found.scale)):
        parser.error(f"--scale must be a number other than 0, not {found.scale}")
    if found.reverse_input_channels not in ("true", "false"):
        parser.error(f"--reverse_input_channels is True or False, not {found.reverse_input_channels}")
    reverse = found.reverse_input_channels == "true"
    if reverse and not any(_has_colours(info) for info in card.input_info):
        parser.error("--reverse_input_channels needs an input with three channels in input_info")
    names = [info.name for info in card.input_info]
    mean = _per_input(parser, "--mean_values", found.mean_values, names)
    scale = _per_input(parser, "--scale_values", found.scale_values, names)
    if any(value == 0 for values in scale.values() for value in values):
        parser.error("--scale_values must not contain 0")
    if found.scale is not None:
        scale = dict.fromkeys(names, (found.scale,))
    preprocessing = tuple(
        Preprocessing(
            input_name=info.name,
            layout=info.layout,
            reverse_channels=reverse and _has_colours(info),
            mean=mean.get(info.name, ()),
            scale=scale.get(info.name, ()),
        )
        for info in card.input_info
    )
    outputs = tuple(name.strip() for name in found.output.split(",") if name.strip())
    return OptimizerArguments(Path(found.input_model), outputs, preprocessing)


def _per_input(parser: CardArgumentParser, flag: str, text: str, inputs: list[str]) -> dict[str, tuple[float, ...]]:
    """Read ``name[v,v],name(v)``, one unnamed group for all inputs, or one for each, in their order."""
    groups = _groups(parser, flag, text)
    named = [name for name, _ in groups if name]
    if not named and len(groups) == 1:
        return dict.fromkeys(inputs, groups[0][1])
    if not named:
        if groups and len(groups) != len(inputs):
            parser.error(f"{flag} has {len(groups)} groups of values for {len(inputs)} inputs")
        return dict(zip(inputs, (values for _, values in groups), strict=False))
    if len(named) != len(groups):
        parser.error(f"{flag} mixes named and unnamed groups of values")
    for name in named:
        if name not in inputs:
            parser.error(f"{flag} names {name!r}, but the inputs are {', '.join(inputs)}")
    return dict(groups)


def _groups(parser: CardArgumentParser, flag: str, text: str) -> list[tuple[str, tuple[float, ...]]]:
    """Split into (name or "", values); brackets are square or round, and may be left out around bare values."""
    if not text.strip():
        return []
    if re.fullmatch(rf"\s*{_VALUES}\s*", text):
        text = f"[{text}]"
    groups, position = [], 0
    while position < len(text):
        match = _GROUP.match(text, position)
        if not match:
            parser.error(f"{flag}={text} is not of the form name[v,v,v],name[v,v,v]")
        values = (match["square"] or match["round"]).split(",")
        groups.append((match["name"], tuple(float(value) for value in values)))
        position = match.end()
    return groups


def _has_colours(info: InputInfo) -> bool:
    return "C" in info.layout and (not info.shape or info.shape[info.layout.index("C")] in (3, -1))
