"""The file that a conversion or an original starts from."""

from __future__ import annotations

from pathlib import Path

from omz.checksum import sha384
from omz.errors import CardError, ModelFileError
from omz.zoo.card import CARD_FILE, ModelCard


def check_source(card: ModelCard, source: Path, download_dir: Path) -> str:
    """Return the SHA-384 of ``source``, which must be the file that the card describes.

    Raises :class:`ModelFileError` where it is missing or another, and :class:`CardError` where the card has no such
    file.
    """
    file = next((file for file in card.files if card.file_path(file, download_dir) == source), None)
    if file is None:
        raise CardError(f"{card.folder / CARD_FILE}: files: {source.name} is used, but not listed")
    if not source.is_file():
        raise ModelFileError(f"{card.name}: {source} is missing; download the model to that place first")
    size = source.stat().st_size
    if size != file.size:
        raise ModelFileError(f"{source} has {size} bytes, not {file.size} as on the card; download it again")
    digest = sha384(source)
    if digest != file.checksum.lower():
        raise ModelFileError(f"{source} has another SHA-384 than on the card; download it again")
    return digest
