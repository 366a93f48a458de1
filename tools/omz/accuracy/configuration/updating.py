"""Figures, written into an ``accuracy-check.yml`` as what is expected from now on."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import yaml

from omz.accuracy.configuration.reading import read_configuration
from omz.atomic import whole_file
from omz.errors import UsageError
from omz.zoo.record import suggestion
from omz.zoo.yaml_file import read_text

_SPREAD = "@std"

_Edit: TypeAlias = tuple[int, int, str]
"""What replaces the characters from one index to another."""


def update_references(
    path: Path,
    figures: Mapping[str, float],
    model: str = "",
    dataset: str = "",
    definitions: Path | None = None,
) -> None:
    """Write ``figures``, by the name of their metric, as ``reference`` into a configuration; all else stays as it is.

    ``MAD`` is the mean of a figure, ``MAD@std`` its standard deviation. ``model`` and ``dataset`` say whose figures
    they are, where a file has several; ``definitions`` are those it is read with. Raises :class:`UsageError` for a
    figure that has no metric in the file, or several, or is no number; then the file stays as it was.
    """
    read_configuration(path, definitions)  # what is read can be edited
    text = read_text(path, UsageError, "a configuration")
    metrics = {id(node): node for node in _metrics(yaml.compose(text, yaml.SafeLoader), model, dataset)}
    by_name: dict[str, list[yaml.MappingNode]] = {}
    for node in metrics.values():
        by_name.setdefault(_text(node, "name") or _text(node, "type"), []).append(node)
    edits: list[_Edit] = []
    for name in dict.fromkeys(key.removesuffix(_SPREAD) for key in figures):
        nodes = by_name.get(name, [])
        if len(nodes) != 1:
            fault = f"has {len(nodes)} metrics" if nodes else "has no metric"
            hint = "say whose, by model and dataset" if nodes else suggestion(name, by_name)
            raise UsageError(f"{path} {fault} {name}; {hint}")
        edits += _edits(nodes[0], figures.get(name), figures.get(name + _SPREAD), text)
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(text.encode())
            shutil.copymode(path, temporary)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; check its permissions") from error


def _metrics(root: yaml.Node | None, model: str, dataset: str) -> Iterator[yaml.MappingNode]:
    """Yield the metrics of a file, where it writes them."""
    for kind in ("models", "evaluations"):
        for entry in _items(_get(root, kind)):
            if model and _text(entry, "name") != model:
                continue
            for frames in _items(_get(_get(entry, "module_config") or entry, "datasets")):
                if not dataset or _text(frames, "name") == dataset:
                    yield from _items(_get(frames, "metrics"))


def _edits(metric: yaml.MappingNode, mean: float | None, spread: float | None, text: str) -> Iterator[_Edit]:
    """Yield what has to change in a metric."""
    reference = _get(metric, "reference")
    if isinstance(reference, yaml.MappingNode):
        for key, value in (("mean", mean), ("std", spread)):
            if value is not None:
                yield _set(reference, key, _number(value), text)
    elif mean is not None and spread is None:
        yield _set(metric, "reference", _number(mean), text)
    elif mean is not None and spread is not None:
        yield _set(metric, "reference", f"{{mean: {_number(mean)}, std: {_number(spread)}}}", text)
    else:
        raise UsageError(f"line {metric.start_mark.line + 1}: the reference has no mean yet; give that, too")


def _set(node: yaml.MappingNode, key: str, value: str, text: str) -> _Edit:
    """Return what sets a key of a mapping: in its place, or as its last one, in the mapping's own style."""
    found = _get(node, key)
    if found is not None:
        start, end = found.start_mark.index, found.end_mark.index
        if text[start : start + 1] in ("&", "!") or not node.start_mark.index < start <= node.end_mark.index:
            raise UsageError(f"line {node.start_mark.line + 1}: {key} has an anchor, or is one's alias; write it out")
        return start, end, value if start < end else f" {value}"
    first = node.value[0][0].start_mark
    last = node.value[-1][1].end_mark.index
    if node.flow_style:
        return last, last, f", {key}: {value}"
    line_end = text.find("\n", last)
    end = len(text) if line_end < 0 else line_end
    newline = "\r\n" if text[:end].endswith("\r") else "\n"
    end -= len(newline) - 1
    return end, end, f"{newline}{' ' * first.column}{key}: {value}"


def _number(value: float) -> str:
    """Return a number with all its digits, as YAML reads it: with a point before an exponent."""
    if not math.isfinite(value):
        raise UsageError(f"a figure is {value}; only numbers can be expected")
    mantissa, exponent, power = repr(float(value)).partition("e")
    sign = power if power[:1] in "+-" else f"+{power}"
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}e{sign}" if exponent else mantissa


def _get(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs: Sequence[tuple[yaml.Node, yaml.Node]] = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _items(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.SequenceNode):
        yield from (item for item in node.value if isinstance(item, yaml.MappingNode))


def _text(node: yaml.Node, key: str) -> str:
    found = _get(node, key)
    return str(found.value) if isinstance(found, yaml.ScalarNode) else ""
