"""The file that a conversion or an original starts from."""

from __future__ import annotations

import shlex
from pathlib import Path

from omz.errors import CardError, ModelFileError
from omz.zoo.card import ModelCard
from omz.zoo.model_file import Checksum


def check_source(card: ModelCard, source: Path, download_dir: Path) -> Checksum:
    """Return the checksum of ``source``, which must be the file that the card describes.

    Raises :class:`ModelFileError` where it is missing or another, and :class:`CardError` where the card has no such
    file.
    """
    file = next((file for file in card.files if card.file_path(file, download_dir) == source), None)
    if file is None:
        raise CardError(f"{card.path}: files: {source.name} is used, but not listed")
    problem = file.problem_at(source)
    if problem:
        raise wrong_file(card, source, problem, download_dir)
    return file.checksum


def wrong_file(card: ModelCard, path: Path | str, problem: str, download_dir: Path) -> ModelFileError:
    """Return the error that a file of the card is not as it should be, with the command that mends it."""
    command = shlex.join(["omz_downloader", "--name", card.name, "-o", str(download_dir)])
    return ModelFileError(f"{card.name}: {path} {problem}; run {command} first")
