"""Models of the zoo, and how far each is from being run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from omz.download.first_use import folder_of
from omz.errors import OmzError, first_line
from omz.zoo import Catalog
from omz.zoo.card import ModelCard
from omz.zoo.model_file import BundledSource
from omz.zoo.source import bundled_files, how_to_restore

State: TypeAlias = Literal["ready", "to convert", "to download", "unusable"]


@dataclass(frozen=True)
class Model:
    """A model of the zoo; ``command`` downloads what is missing, and is empty if nothing is."""

    name: str
    state: State
    detail: str
    command: str = ""


def models_at_hand(models_dir: Sequence[Path], download_dir: Path | None) -> Iterator[Model]:
    """Yield the state of each model of the zoo, stage by stage; nothing is downloaded or converted."""
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


def _model(card: ModelCard, models_dir: Sequence[Path], download_dir: Path | None) -> Model:
    folder = folder_of(card, download_dir)
    remote = [file for file in card.files if not isinstance(file.source, BundledSource)]
    missing = 0
    for file in remote:
        missing += not _has_size(card.file_path(file, folder), file.size)
    if missing:
        command = _download_command(card.name, models_dir, download_dir)
        them = "its file is" if len(remote) == 1 else f"{missing} of its {len(remote)} files are"
        return Model(card.name, "to download", f"{them} not in {folder / card.subdirectory}", command)
    where = f"downloaded to {folder / card.subdirectory}" if remote else "ships with the package"
    try:
        from omz.convert.store import find_ir  # needs OpenVINO, which may be what is missing

        stored = find_ir(card)
    except (OmzError, OSError, ImportError) as error:
        return Model(card.name, "unusable", first_line(error))
    if stored:
        return Model(card.name, "ready", f"{where}, converted")
    for path, file in bundled_files(card).items():
        if not _has_size(path, file.size):
            return Model(card.name, "unusable", f"{path} is missing or damaged; {how_to_restore(card)}")
    return Model(card.name, "to convert", f"{where}; converted on first use")


def _download_command(name: str, models_dir: Sequence[Path], download_dir: Path | None) -> str:
    words = ["omz_downloader", "--name", name]
    if download_dir is not None:
        words += ["-o", str(download_dir)]
    for folder in models_dir:
        words += ["--models_dir", str(folder)]
    return shlex.join(words)


def _has_size(path: Path, size: int | None) -> bool:
    return os.path.isfile(path) and size in (None, path.stat().st_size)
