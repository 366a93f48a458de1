"""Models on the disk: their downloads, and the IRs made of them, counted and removed."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from omz.convert.cache import cache_folder
from omz.download.downloader import locked_downloads
from omz.download.partial import partials
from omz.download.postprocess import original_path, processed_files
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.model_file import BundledSource

Kind: TypeAlias = Literal["downloaded", "converted"]


@dataclass(frozen=True)
class StoredFile:
    """A file of a model on the disk, and its size in bytes."""

    path: Path
    size: int
    kind: Kind


def stored_files(card: ModelCard | CompositeCard, folder: Path) -> tuple[StoredFile, ...]:
    """Return the files of ``card`` below ``folder`` and in the user's cache folder.

    These are its downloads, finished or not, what they were unpacked to, and the IRs with a manifest. Files that ship
    with the card are not among them, nor is any other file in the folders of the model.
    """
    found: dict[Path, StoredFile] = {}
    for model in card.models:
        for path in _downloads(model, folder):
            _add(found, path, "downloaded")
        for path in _conversions(model, folder):
            _add(found, path, "converted")
    return tuple(found.values())


def remove(card: ModelCard | CompositeCard, folder: Path) -> tuple[StoredFile, ...]:
    """Remove what :func:`stored_files` finds, and the folders that this leaves empty; return what was removed.

    It waits for downloads to ``folder`` that are under way. Raises :class:`omz.errors.DownloadError` if the folder
    cannot be written, and :class:`OSError` for a file that cannot be removed.
    """
    if not stored_files(card, folder):
        return ()
    with locked_downloads(folder):
        removed = stored_files(card, folder)
        for file in sorted(removed, key=lambda file: file.path.suffix == ".json"):  # by which the others are known
            file.path.unlink(missing_ok=True)
        for parent in {file.path.parent for file in removed}:
            _remove_empty(parent, {folder.absolute(), cache_folder().absolute()})
    return removed


def _add(found: dict[Path, StoredFile], path: Path, kind: Kind) -> None:
    path = path.absolute()
    if path not in found and os.path.isfile(path):
        found[path] = StoredFile(path, path.stat().st_size, kind)


def _downloads(card: ModelCard, folder: Path) -> Iterator[Path]:
    below = folder / card.subdirectory
    for file in card.files:
        if isinstance(file.source, BundledSource):
            continue
        path = below / file.name
        yield path
        yield original_path(path)
        yield from partials(path)
    yield from processed_files(below)


def _conversions(card: ModelCard, folder: Path) -> Iterator[Path]:
    cache, name = cache_folder(), glob.escape(card.name)
    places = [folder / card.subdirectory, *cache.glob(f"ir/*/{glob.escape(str(card.subdirectory))}")]
    manifests = [manifest for place in places for manifest in place.glob(f"FP*/{name}.json")]
    for manifest in (*manifests, *cache.glob(f"int8/*/FP*/{name}.json")):
        written = _read(manifest)
        if written.get("name", card.name) != card.name:
            continue
        yield manifest
        for file in written.get("files", ()):
            yield manifest.with_name(Path(file).name)
    for place in places:
        yield from place.glob("FP*.refused")  # the conversion's note that a precision is of no use
    for argument in card.conversion_to_onnx_args:  # the file on the way, beside the folders of the precisions
        flag, _, value = argument.partition("=")
        if flag == "--output-file" and value.startswith("$conv_dir/"):
            yield from (place / value.removeprefix("$conv_dir/") for place in places)


def _read(manifest: Path) -> dict[str, Any]:
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"name": None}
    return content if isinstance(content, dict) else {"name": None}


def _remove_empty(folder: Path, roots: set[Path]) -> None:
    """Remove ``folder`` and those above it, as long as they are empty, and inside one of the roots."""
    while folder not in roots and not roots.isdisjoint(folder.parents):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
