"""Postprocessing: changes of a card to its downloaded files, and the record of them."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from omz.atomic import sweep, whole_file
from omz.checksum import file_digest, open_file
from omz.download.unpack import unpack
from omz.errors import DownloadError, EngineError, os_reason
from omz.isolated import IsolatedProcess
from omz.zoo.card import ModelCard
from omz.zoo.postprocessing import RegexReplace, UnpackArchive
from omz.zoo.record import shown

_RECORD = ".postprocessed.json"
_LARGEST_TEXT = 64 << 20  # of a file that is changed
_LONGEST_SEARCH, _MOST_MEMORY = 60.0, 512 << 20  # seconds, bytes


def original_path(path: Path) -> Path:
    """Return the path for the original of a changed file."""
    return path.with_name(f"{path.name}.orig")


def postprocess(card: ModelCard, folder: Path) -> None:
    """Process the files in ``folder``, which must be those of the card, as ``card`` says.

    Archives are removed in the end. Raises :class:`DownloadError`; the files must then be fetched again. No other
    process may work in ``folder``.
    """
    changed = [folder / step.file for step in card.postprocessing if isinstance(step, RegexReplace)]
    for target in (*changed, *map(original_path, changed), folder / _RECORD):
        sweep(target)
    made: set[Path] = set()
    archives: set[Path] = set()
    for step in card.postprocessing:
        path = folder / step.file
        if isinstance(step, UnpackArchive):
            made.update(unpack(path, step.format))
            archives.add(path)
        else:
            _replace(path, step, keep_original=path not in made)
            made.add(path)
    names = [path.relative_to(folder).as_posix() for path in sorted(made - archives - {folder / _RECORD})]
    record = {"card": _key(card), "files": _digests(folder, names)}
    with whole_file(folder / _RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    for archive in archives:
        archive.unlink(missing_ok=True)


def postprocessed(card: ModelCard, folder: Path) -> frozenset[str]:
    """Return the names of the card's files that are already processed, and whose results are unharmed.

    Empty if the postprocessing was not done, or one of its results has changed since.
    """
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        if record["card"] != _key(card) or record["files"] != _digests(folder, record["files"]):
            return frozenset()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return frozenset()
    return frozenset(record["files"]).union(step.file for step in card.postprocessing)


def processed_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that postprocessing made or changed in ``folder``, and its record of them."""
    try:
        names = json.loads((folder / _RECORD).read_text(encoding="utf-8"))["files"]
        paths = [folder / name for name in names]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    inside = [path for path in paths if path.resolve().is_relative_to(folder.resolve())]
    return (*inside, *map(original_path, inside), folder / _RECORD)


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: file_digest(folder / name) for name in names}


def _replace(path: Path, step: RegexReplace, keep_original: bool) -> None:
    pattern = f"the pattern {shown(step.pattern)} of the card"
    try:
        text = _text_of(path)
        changed, count = _replaced(step, text)
    except (OSError, UnicodeDecodeError, EngineError) as error:
        raise DownloadError(f"{path}: {pattern} cannot be replaced: {os_reason(error)}") from error
    if count == 0 or count < step.count:
        wanted = step.count or "at least 1"
        raise DownloadError(f"{path}: {pattern} is found {count} times, not {wanted}")
    if keep_original:
        with whole_file(original_path(path)) as temporary:
            shutil.copyfile(path, temporary)
    with whole_file(path) as temporary:
        temporary.write_text(changed, encoding="utf-8")


def _text_of(path: Path) -> str:
    with open_file(path) as file:
        content = file.read(_LARGEST_TEXT + 1)
    if len(content) > _LARGEST_TEXT:
        raise OSError(errno.EFBIG, f"it has more than {_LARGEST_TEXT >> 20} MB", str(path))
    return content.decode().replace("\r\n", "\n").replace("\r", "\n")  # as files of text are read


def _replaced(step: RegexReplace, text: str) -> tuple[str, int]:
    """Return the text with its matches replaced, and their number; raises :class:`EngineError` at the bounds.

    The engine of Python takes time that doubles with each letter for some patterns, and cannot be interrupted; so it
    runs in a process of its own.
    """
    process = IsolatedProcess("the search for it", _LONGEST_SEARCH, _MOST_MEMORY)
    try:
        return process(replace_matches, step.pattern, step.replacement, step.count, text)
    finally:
        process.close()


def replace_matches(pattern: str, replacement: str, count: int, text: str) -> tuple[str, int]:
    """Return :func:`re.subn`; raises :class:`EngineError` for a text that grows beyond all use."""
    grown = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal grown
        made = match.expand(replacement)
        grown += len(made)
        if grown > _LARGEST_TEXT:
            raise EngineError("the replacements make the file too large")
        return made

    return re.subn(pattern, replaced, text, count=count)


def _key(card: ModelCard) -> str:
    """Return a digest of the card's files and of its postprocessing."""
    described = [file.model_dump(mode="json", include={"name", "checksum"}) for file in card.files]
    described += [step.model_dump(mode="json") for step in card.postprocessing]
    return hashlib.sha384(json.dumps(described).encode()).hexdigest()
