"""What a card does to its files once they are there, and the record that it was done."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

from omz.atomic import sweep, whole_file
from omz.checksum import file_digest
from omz.download.unpack import unpack
from omz.errors import DownloadError
from omz.zoo.card import ModelCard
from omz.zoo.postprocessing import RegexReplace, UnpackArchive

_RECORD = ".postprocessed.json"


def original_path(path: Path) -> Path:
    """Return where a file that is changed keeps its original."""
    return path.with_name(f"{path.name}.orig")


def postprocess(card: ModelCard, folder: Path) -> None:
    """Do what ``card`` asks for to the files in ``folder``, which must be those of the card.

    Archives are removed in the end. Raises :class:`DownloadError`; the files are to be fetched again then. No other
    process may be at work in ``folder``.
    """
    changed = [folder / step.file for step in card.postprocessing if isinstance(step, RegexReplace)]
    for target in (*changed, *map(original_path, changed), folder / _RECORD):
        sweep(target)
    made: set[Path] = set()
    for step in card.postprocessing:
        path = folder / step.file
        if isinstance(step, UnpackArchive):
            made.update(unpack(path, step.format))
        else:
            _replace(path, step, keep_original=path not in made)
            made.add(path)
    archives = {folder / step.file for step in card.postprocessing if isinstance(step, UnpackArchive)}
    kept = sorted(made - archives - {folder / _RECORD})
    names = {path.relative_to(folder).as_posix(): file_digest(path) for path in kept}
    with whole_file(folder / _RECORD) as temporary:
        temporary.write_text(json.dumps({"card": _key(card), "files": names}, indent=1), encoding="utf-8")
    for archive in archives:
        archive.unlink(missing_ok=True)


def postprocessed(card: ModelCard, folder: Path) -> frozenset[str]:
    """Return the names of the card's files that need not be there as they were: all was done to them, and still holds.

    Empty where it was not, or where a file that came of it has changed.
    """
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        if record["card"] != _key(card):
            return frozenset()
        if any(file_digest(folder / name) != digest for name, digest in record["files"].items()):
            return frozenset()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return frozenset()
    return frozenset(step.file for step in card.postprocessing) | frozenset(record["files"])


def _replace(path: Path, step: RegexReplace, keep_original: bool) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        changed, count = re.subn(step.pattern, step.replacement, text, count=step.count)
    except (OSError, UnicodeDecodeError, re.error, IndexError) as error:
        raise DownloadError(f"{path}: the pattern {step.pattern!r} of the card cannot be replaced: {error}") from error
    if count == 0 or count < step.count:
        wanted = step.count or "at least 1"
        raise DownloadError(f"{path}: the pattern {step.pattern!r} of the card is found {count} times, not {wanted}")
    if keep_original:
        with whole_file(original_path(path)) as temporary:
            shutil.copyfile(path, temporary)
    with whole_file(path) as temporary:
        temporary.write_text(changed, encoding="utf-8")


def _key(card: ModelCard) -> str:
    """Return what changes with the card's files or with what is done to them."""
    described = [file.model_dump(mode="json", include={"name", "checksum"}) for file in card.files]
    described += [step.model_dump(mode="json") for step in card.postprocessing]
    return hashlib.sha384(json.dumps(described).encode()).hexdigest()
