"""Source files of conversions and originals."""

from __future__ import annotations

import shlex
from pathlib import Path

from omz.errors import CardError, ModelFileError
from omz.zoo.card import ModelCard
from omz.zoo.catalog import own_root
from omz.zoo.model_file import BundledSource, Checksum, ModelFile


def check_source(card: ModelCard, source: Path, download_dir: Path) -> Checksum:
    """Return the checksum of ``source``, once it is seen to be the file that the card describes.

    Raises :class:`ModelFileError` if it is missing or differs, and :class:`CardError` if the card does not list it.
    """
    for file in card.files:
        if card.file_path(file, download_dir) == source:
            problem = file.problem_at(source)
            if problem:
                raise wrong_file(card, source, problem, download_dir)
            return file.checksum
    raise CardError(f"{card.path}: files: {source.name} is used, but not listed")


def wrong_file(card: ModelCard, path: Path | str, problem: str, download_dir: Path) -> ModelFileError:
    """Return the error for a wrong file of the card, with what repairs it."""
    wrong = f"{card.name}: {path} {problem}"
    if Path(path) in bundled_files(card):
        return ModelFileError(f"{wrong}; {how_to_restore(card)}")
    command = shlex.join(["omz_downloader", "--name", card.name, "-o", str(download_dir)])
    return ModelFileError(f"{wrong}; run {command} first")


def bundled_files(card: ModelCard) -> dict[Path, ModelFile]:
    """Return the files that ship with ``card``, by their paths."""
    shipped = [file for file in card.files if isinstance(file.source, BundledSource)]
    return {card.folder / file.name: file for file in shipped}


def how_to_restore(card: ModelCard) -> str:
    """Return what to do about a wrong file that ships with ``card``; no download brings it back."""
    if card.folder.parent == own_root():
        return "it ships with the package; install open-matting-zoo again, or restore the file"
    return f"it ships with its card; restore it in {card.folder}"
