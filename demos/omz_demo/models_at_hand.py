"""The models of the zoo, and how far each is from being run."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from omz.errors import OmzError, first_line
from omz.zoo import Catalog
from omz.zoo.card import ModelCard
from omz.zoo.model_file import BundledSource

State: TypeAlias = Literal["ready", "to convert", "to download", "unusable"]


@dataclass(frozen=True)
class Model:
    """A model of the zoo; ``command`` gets what it lacks, empty where nothing is to be done."""

    name: str
    state: State
    detail: str
    command: str = ""


def models_at_hand(models_dir: Sequence[Path], download_dir: Path) -> Iterable[Model]:
    """Yield the state of each model of the zoo, and of each stage; nothing is downloaded or converted."""
    try:
        catalog = Catalog(*models_dir)
    except OmzError as error:
        yield Model("the zoo", "unusable", str(error))
        return
    for name in catalog:
        try:
            cards = catalog.load(name).models
        except OmzError as error:
            yield Model(name, "unusable", str(error))
            continue
        for card in cards:
            yield _model(card, models_dir, download_dir)


def _model(card: ModelCard, models_dir: Sequence[Path], download_dir: Path) -> Model:
    """Return the state of a model; files are looked at by their size alone."""
    remote = [file for file in card.files if not isinstance(file.source, BundledSource)]
    wanting = [file for file in remote if not _has_size(card.file_path(file, download_dir), file.size)]
    where = "ships with the package" if not remote else f"downloaded to {download_dir / card.subdirectory}"
    options = [part for folder in models_dir for part in ("--models_dir", str(folder))]
    if wanting:
        command = shlex.join(["omz_downloader", "--name", card.name, "-o", str(download_dir), *options])
        return Model(card.name, "to download", f"{len(wanting)} of its files are not in {download_dir}", command)
    try:
        from omz.convert.store import is_stored  # needs OpenVINO, which may be what is missing

        stored = is_stored(card, download_dir)
    except (OmzError, OSError, ImportError) as error:
        return Model(card.name, "unusable", first_line(error))
    if stored:
        return Model(card.name, "ready", f"{where}, converted")
    return Model(card.name, "to convert", f"{where}; it is converted when it is first used")


def _has_size(path: Path, size: int | None) -> bool:
    return path.is_file() and size in (None, path.stat().st_size)
