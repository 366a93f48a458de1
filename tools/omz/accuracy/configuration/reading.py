"""Open Model Zoo's ``accuracy-check.yml``, as evaluations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omz.accuracy.configuration.definitions import Definitions, read_definitions, read_mapping
from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.pictures import check_steps
from omz.accuracy.configuration.problems import Place, validated
from omz.accuracy.configuration.schema import DatasetEntry, Launcher, Resize
from omz.accuracy.configuration.scores import check_metrics
from omz.zoo.record import Record, suggestion

MODULE = "SequentialBackgroundMatting"
"""The class of accuracy checker that runs recurrent models, whatever module it is named in."""

_KINDS = ("models", "evaluations")
_KEYS = (*_KINDS, "global_definitions")


class _Parts(Record):
    """What is combined: every launcher with every dataset."""

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
    """Read an ``accuracy-check.yml``: each launcher of a model on each of its datasets.

    Definitions come from the file ``definitions``, else from the one that ``DEFINITIONS_FILE`` in the environment
    names, else from ``global_definitions`` in the file itself. Raises :class:`omz.errors.UsageError`, one line, for
    anything in it that is not known, or contradicts itself, with the keys down to it.
    """
    content, place = read_mapping(path), Place(path)
    for key in content:
        if key not in _KEYS:
            raise (place / key).error(f"is no key that is known here; {suggestion(key, _KEYS)}")
    kinds = [kind for kind in _KINDS if kind in content]
    if len(kinds) != 1:
        raise place.error("has models and evaluations; write two files" if kinds else "has no models, nor evaluations")
    defined = read_definitions(definitions, content.get("global_definitions"), place)
    entries, place = content[kinds[0]], place / kinds[0]
    if not isinstance(entries, list) or not entries:
        raise place.error("must be a list, and not empty")
    read = _of_model if kinds[0] == "models" else _of_evaluation
    return tuple(each for index, entry in enumerate(entries) for each in read(entry, place / index, defined))


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


def _combined(
    name: str, parts: _Parts, network: _NetworkFile, place: Place, definitions: Definitions
) -> Iterator[ConfiguredEvaluation]:
    for kind in ("launchers", "datasets"):
        if not getattr(parts, kind):
            raise (place / kind).error("is empty; list at least one")
    files = {key: value for key, value in network if value is not None}
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
    for index, each in enumerate(launcher.inputs):
        here = place / "inputs" / index
        if each.name in names:
            raise (here / "name").error(f"{each.name} is the name of two inputs; give each once")
        names.add(each.name)
        if each.type == "LSTM_INPUT" and not each.value:
            raise (here / "value").error("is missing: the output that is fed back")
        pictures = [other for other in launcher.inputs if other.type == "INPUT"]
        if each.type == "INPUT" and each.value is None and len(pictures) > 1:
            raise (here / "value").error("is missing: which files this input takes, such as com*")
        try:
            re.compile(each.value or "")
        except re.error as error:
            raise (here / "value").error(f"{each.value!r} is no regular expression: {error}") from error
