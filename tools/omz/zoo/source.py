"""Source files of conversions and originals."""

from __future__ import annotations

import shlex
from pathlib import Path

from omz.errors import CardError, ModelFileError
from omz.zoo.card import ModelCard
from omz.zoo.model_file import Checksum


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
    """Return the error for a wrong file of the card, with the command that repairs it."""
    command = shlex.join(["omz_downloader", "--name", card.name, "-o", str(download_dir)])
    return ModelFileError(f"{card.name}: {path} {problem}; run {command} first")
