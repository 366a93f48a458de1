"""Open Model Zoo's ``accuracy-check.yml``, read as evaluations, with the definitions that several of them share.

New references are written into its text: a round trip through a YAML library loses CRLF line ends, the style of flow
mappings, and spaces before comments.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml

from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.pictures import check_steps
from omz.accuracy.configuration.problems import Place, validated
from omz.accuracy.configuration.schema import DatasetEntry, Launcher, Resize
from omz.accuracy.configuration.scores import check_metrics
from omz.atomic import whole_file
from omz.errors import UsageError
from omz.zoo.record import Record, suggestion
from omz.zoo.yaml_file import read_text, read_yaml

MODULE = "SequentialBackgroundMatting"
"""The class of accuracy checker that runs recurrent models, whatever module it is named in."""

_KEYS = ("models", "evaluations", "global_definitions")
VARIABLE = "DEFINITIONS_FILE"
"""The variable of the environment that names the file, as for accuracy checker."""
_NAMES: Mapping[str, str] = {"datasets": "name", "launchers": "framework"}
_SPREAD = "@std"
_Edit: TypeAlias = tuple[int, int, str]
"""Start, end, and the text that replaces the characters between."""


class _Parts(Record):
    """Launchers and datasets, each of which runs with each."""

    launchers: list[dict[str, Any]]
    datasets: list[dict[str, Any]]


class _Model(_Parts):
    name: str


class _NetworkFile(Record):
    model: str | None = None
    weights: str | None = None


class _NetworkInfo(Record):
    background_matting_model: _NetworkFile = _NetworkFile()


class _ModuleConfig(_Parts):
    network_info: _NetworkInfo = _NetworkInfo()


class _Evaluation(Record):
    name: str
    module: str
    module_config: dict[str, Any]


def read_configuration(path: Path, definitions: Path | None = None) -> tuple[ConfiguredEvaluation, ...]:
    """Read the evaluations of an ``accuracy-check.yml``: each launcher of a model on each of its datasets.

    Definitions come from the file ``definitions``, else from the one that ``DEFINITIONS_FILE`` in the environment
    names, else from ``global_definitions`` in the file itself. Raises :class:`omz.errors.UsageError`, one line, for
    unknown keys and contradictions in it, with the keys down to them.
    """
    content, place = read_mapping(path), Place(path)
    for key in content:
        if key not in _KEYS:
            raise (place / key).error(f"is not a known key; {suggestion(key, _KEYS)}")
    kinds = content.keys() & _READERS.keys()
    if not kinds:
        raise place.error("has no models, nor evaluations")
    if len(kinds) > 1:
        raise place.error("has models and evaluations; write two files")
    [kind] = kinds
    defined = read_definitions(definitions, content.get("global_definitions"), place)
    entries, place = content[kind], place / kind
    if not isinstance(entries, list) or not entries:
        raise place.error("must be a list, and not empty")
    found: list[ConfiguredEvaluation] = []
    for index, entry in enumerate(entries):
        found += _READERS[kind](entry, place / index, defined)
    return tuple(found)


def _of_model(entry: object, place: Place, definitions: Definitions) -> Iterator[ConfiguredEvaluation]:
    model = validated(_Model, entry, place)
    return _combined(model.name, model, _NetworkFile(), place, definitions)


def _of_evaluation(entry: object, place: Place, definitions: Definitions) -> Iterator[ConfiguredEvaluation]:
    evaluation = validated(_Evaluation, entry, place)
    if evaluation.module.rpartition(".")[2] != MODULE:
        raise (place / "module").error(f"found {evaluation.module!r}; of the evaluators, only {MODULE} mattes")
    place /= "module_config"
    parts = validated(_ModuleConfig, evaluation.module_config, place)
    return _combined(evaluation.name, parts, parts.network_info.background_matting_model, place, definitions)


_READERS = {"models": _of_model, "evaluations": _of_evaluation}


def _combined(
    name: str, parts: _Parts, network: _NetworkFile, place: Place, definitions: Definitions
) -> Iterator[ConfiguredEvaluation]:
    for kind in ("launchers", "datasets"):
        if not getattr(parts, kind):
            raise (place / kind).error("is empty; list at least one")
    files = network.model_dump(exclude_none=True)
    for index, local in enumerate(parts.launchers):
        here = place / "launchers" / index
        merged, elsewhere = definitions.complete("launchers", local)
        launcher = validated(Launcher, {**files, **merged}, here, elsewhere)
        _check_inputs(launcher, here)
        for number, frames in enumerate(parts.datasets):
            there = place / "datasets" / number
            yield ConfiguredEvaluation(name, launcher, _dataset(frames, launcher, there, definitions), str(here))


def _dataset(local: dict[str, Any], launcher: Launcher, place: Place, definitions: Definitions) -> DatasetEntry:
    merged, elsewhere = definitions.complete("datasets", local)
    frames = validated(DatasetEntry, merged, place, elsewhere)
    check_steps(frames.preprocessing, elsewhere.get("preprocessing", place / "preprocessing"))
    check_metrics(frames.metrics, launcher.adapter, elsewhere.get("metrics", place / "metrics"))
    sizes = [step.target for step in frames.preprocessing if isinstance(step, Resize)]
    if frames.postprocessing and sizes != [frames.postprocessing[0].target]:
        there = elsewhere.get("postprocessing", place / "postprocessing")
        raise (there / 0).error("must have the size that preprocessing resizes to, once")
    return frames


def _check_inputs(launcher: Launcher, place: Place) -> None:
    names: set[str] = set()
    pictures = [each for each in launcher.inputs if each.type == "INPUT"]
    for index, each in enumerate(launcher.inputs):
        here = place / "inputs" / index
        if each.name in names:
            raise (here / "name").error(f"{each.name} is the name of two inputs; give each once")
        names.add(each.name)
        if each.type == "LSTM_INPUT" and not each.value:
            raise (here / "value").error("is missing: the output that is fed back")
        if each.type == "INPUT" and each.value is None and len(pictures) > 1:
            raise (here / "value").error("is missing: which files this input takes, such as com*")
        try:
            re.compile(each.value or "")
        except re.error as error:
            raise (here / "value").error(f"{each.value!r} is not a regular expression: {error}") from error


@dataclass(frozen=True)
class Definitions:
    """The content of a file of definitions; empty without a file."""

    path: Path = Path()
    content: Mapping[str, Any] = field(default_factory=dict)

    def complete(
        self, kind: Literal["datasets", "launchers"], local: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Place]]:
        """Return ``local`` with the keys that only the definition has, and where these stand.

        The definition is the first with the same ``name`` of a dataset, or ``framework`` of a launcher. A key of
        ``local`` replaces the whole value, that of a list, too. What returns is a copy; the definition stays as it is.
        """
        entries = self.content.get(kind)
        if not isinstance(entries, list):
            return dict(local), {}
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and entry.get(_NAMES[kind]) == local.get(_NAMES[kind]):
                place = Place(self.path, (kind, index))
                return {**entry, **local}, {key: place / key for key in entry if key not in local}
        return dict(local), {}


def read_mapping(path: Path) -> dict[Any, Any]:
    """Read a configuration, or a file of definitions; raises :class:`UsageError`, one line, for anything else."""
    file = read_yaml(path, UsageError, "a configuration")
    for key in file.repeated:  # one of the two would be lost in silence
        raise UsageError(f"{path} is not valid YAML: {key.name} is given twice at line {key.line}, column {key.column}")
    return file.content


def read_definitions(given: Path | None, named: object, place: Place) -> Definitions:
    """Read the file that a flag names, else ``DEFINITIONS_FILE``, else the configuration, relative to itself.

    ``named`` is what the configuration, at ``place``, says. Raises :class:`omz.errors.UsageError`.
    """
    if named is not None and not isinstance(named, str):
        raise (place / "global_definitions").error("must be the path of a file")
    variable = os.environ.get(VARIABLE)
    if given:
        path = given
    elif variable:
        path = Path(variable)
    elif named:
        path = place.path.parent / named
    else:
        return Definitions()
    return Definitions(path, read_mapping(path))


def update_references(
    path: Path, figures: Mapping[str, float], model: str = "", dataset: str = "", definitions: Path | None = None
) -> None:
    """Write ``figures``, by the name of their metric, as ``reference`` into a configuration; all else stays as it is.

    ``MAD`` is the mean of a figure, ``MAD@std`` its standard deviation. ``model`` and ``dataset`` say whose figures
    they are, where a file has several; ``definitions`` are those it is read with. Raises :class:`UsageError` for a
    figure that has no metric in the file, or several, or is no number; then the file stays as it was.
    """
    read_configuration(path, definitions)  # what is read can be edited
    text = read_text(path, UsageError, "a configuration")
    by_name: dict[str, list[yaml.MappingNode]] = {}
    for node in _metrics(yaml.compose(text, yaml.SafeLoader), model, dataset):
        nodes = by_name.setdefault(_text(node, "name") or _text(node, "type"), [])
        if node not in nodes:  # an alias gives the same one again
            nodes.append(node)
    edits: list[_Edit] = []
    for name in dict.fromkeys(key.removesuffix(_SPREAD) for key in figures):
        nodes = by_name.get(name, [])
        if not nodes:
            raise UsageError(f"{path} has no metric {name}; {suggestion(name, by_name)}")
        if len(nodes) > 1:
            raise UsageError(f"{path} has {len(nodes)} metrics {name}; say whose, by model and dataset")
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
    for kind in ("models", "evaluations"):
        for entry in _items(_get(root, kind)):
            if model and _text(entry, "name") != model:
                continue
            for frames in _items(_get(_get(entry, "module_config") or entry, "datasets")):
                if not dataset or _text(frames, "name") == dataset:
                    yield from _items(_get(frames, "metrics"))


def _edits(metric: yaml.MappingNode, mean: float | None, spread: float | None, text: str) -> Iterator[_Edit]:
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
    """Return the edit that sets a key of a mapping: in its place, or as the last one, in the mapping's own style."""
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
    end = text.find("\n", last)
    if end < 0:
        end = len(text)
    newline = "\n"
    if text[:end].endswith("\r"):
        newline, end = "\r\n", end - 1
    return end, end, f"{newline}{' ' * first.column}{key}: {value}"


def _number(value: float) -> str:
    """Return a number with all its digits, as YAML reads it: with a point before an exponent."""
    if not math.isfinite(value):
        raise UsageError(f"a figure is {value}; only numbers can be expected")
    mantissa, exponent, power = repr(float(value)).partition("e")
    if not exponent:
        return mantissa
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{power}"


def _get(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return value
    return None


def _items(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if isinstance(item, yaml.MappingNode):
                yield item


def _text(node: yaml.Node, key: str) -> str:
    found = _get(node, key)
    if isinstance(found, yaml.ScalarNode):
        return str(found.value)
    return ""
