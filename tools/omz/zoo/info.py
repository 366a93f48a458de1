"""Content of cards as plain data, for other programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omz.errors import CardError
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.model_file import ModelFile
from omz.zoo.optimizer_arguments import card_arguments
from omz.zoo.preprocessing import card_preprocessing
from omz.zoo.record import Record
from omz.zoo.vocabulary import CARD_FILE

ACCURACY_FILE = "accuracy-check.yml"


def card_info(card: ModelCard | CompositeCard, details: bool = False) -> dict[str, Any]:
    """Return the keys and values that Open Model Zoo's ``omz_info_dumper`` gives, ready for JSON.

    With ``details`` also the model's files, its arguments, and its preprocessing: the steps from a BGR picture, 0 to
    255, to the input of the original network, which the IR performs inside.
    """
    info: dict[str, Any] = {
        "name": card.name,
        "composite_model_name": card.composite_model_name,
        "description": card.description,
        "framework": card.framework,
        "license_url": card.license,
        "accuracy_config": _path_if_there(card.folder / ACCURACY_FILE),
        "model_config": _path_if_there(card.folder / CARD_FILE),
        "precisions": sorted(card.precisions),
        "subdirectory": str(card.subdirectory),
        "task_type": card.task_type,
        "input_info": [],
        "model_stages": [],
    }
    if isinstance(card, CompositeCard):
        for stage in card.stages:
            info["model_stages"].append(card_info(stage, details))
        return info
    info["input_info"] = [_without_role(each) for each in _plain(card.input_info)]
    if details:
        info |= _details(card)
    return info


def _details(card: ModelCard) -> dict[str, Any]:
    return {
        "license_kind": card.license_kind,
        "tested_on_real_weights": card.tested_on_real_weights,
        "working_size": card.working_size,
        "refine": card.refine,
        "rewrite": card.rewrite,
        "files": list(map(_file_info, card.files)),
        "postprocessing": _plain(card.postprocessing),
        "conversion_to_onnx_args": list(card.conversion_to_onnx_args),
        "model_optimizer_args": list(card.model_optimizer_args or ()),
        "input_roles": {info.name: info.role for info in card.input_info if info.role},
        "output_info": _plain(card.output_info),
        "model_info": card.model_info.model_dump(mode="json", exclude_unset=True),
        **_preprocessing_info(card),
    }


def _path_if_there(path: Path) -> str | None:
    return str(path) if path.exists() else None


def _without_role(info: dict[str, Any]) -> dict[str, Any]:
    """Return an input as Open Model Zoo gives it."""
    return {key: value for key, value in info.items() if key != "role"}


def _plain(records: Iterable[Record]) -> list[dict[str, Any]]:
    return [record.model_dump(mode="json", by_alias=True) for record in records]


def _file_info(file: ModelFile) -> dict[str, Any]:
    """``urls``, best first, has no address for a file that ships with its card; ``sources`` has all sources."""
    (checksum,) = _plain([file.checksum])
    sources = _plain(file.remotes)
    return {
        "name": file.name, "size": file.size, "checksum": checksum, "urls": list(file.urls), "sources": sources
    }  # fmt: skip


def _preprocessing_info(card: ModelCard) -> dict[str, Any]:
    """Return the preprocessing, or the reason why it is unknown."""
    if card.model_optimizer_args is None:
        return {"preprocessing": None, "preprocessing_note": "the model is an IR; its documentation says what it takes"}
    try:
        steps = card_preprocessing(card, card_arguments(card, Path(), Path()))
    except CardError as error:
        return {"preprocessing": None, "preprocessing_note": str(error)}
    return {"preprocessing": list(map(dataclasses.asdict, steps))}
