"""What the author of a card should fix: findings about the card, and the files in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omz.errors import os_reason
from omz.text import printable
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.info import ACCURACY_FILE
from omz.zoo.model_file import Checksum, HttpSource, ModelFile
from omz.zoo.model_name import name_problem
from omz.zoo.source import bundled_files

FILL_IN = "FILL_IN"
"""Text of a new card that its author has yet to replace."""

README_FILE = "README.md"


@dataclass(frozen=True)
class Finding:
    """One line about a card: its file, what is wrong, what to do.

    Without ``is_error`` the card works all the same; with ``is_note``, its author knows, and there is nothing to do.
    """

    line: str
    is_error: bool = True
    is_note: bool = False


def lint_card(card: ModelCard | CompositeCard) -> list[Finding]:
    """Return findings about ``card``, its bundled files and its companions; stages have findings of their own.

    Errors are unknown and repeated keys, values that a new card leaves open, steps of postprocessing without a file,
    bundled files that are missing or differ in size or digest, and an empty ``README.md``. Warnings are a description
    or licence that is left open, an MD5 without a remark that says why, a name that not every program or system takes,
    and a missing ``README.md`` or ``accuracy-check.yml``, which foreign zoos keep elsewhere. Notes are remarks on
    files.

    Example:
        >>> from omz.zoo import Catalog
        >>> lint_card(Catalog()["background-matting-starter"])
        []
    """
    found = [Finding(f"{card.path}: {remark}") for remark in card.remarks]
    problem = name_problem(card.name)
    if problem:
        found.append(Finding(f"{card.path}: the name of the folder {problem}; rename it", is_error=False))
    found += _open_texts(card)
    if isinstance(card, ModelCard):
        found += _open_values(card)
        found += _weak_checksums(card)
        found += _steps_without_a_file(card)
        found += _wrong_bundled_files(card)
    return [*found, *_empty_readme(card), *_missing_companions(card)]


def _open_texts(card: ModelCard | CompositeCard) -> Iterator[Finding]:
    for key, text in (("description", card.description), ("license", card.license)):
        if FILL_IN in text:
            yield Finding(f"{card.path}: {key}: is still {FILL_IN}; write one", is_error=False)


def is_filled_in(card: ModelCard) -> bool:
    """Tell whether the arguments of a card are complete."""
    return not any(_open_arguments(card))


def _open_values(card: ModelCard) -> Iterator[Finding]:
    for number, file in enumerate(card.files):
        where = f"{card.path}: files.{number}"
        if isinstance(file.source, HttpSource) and FILL_IN in file.source.url:
            yield Finding(f"{where}.source: is still {FILL_IN}; write the address of the file")
        if not file.checksum.value.strip("0"):
            yield Finding(f"{where}.checksum: is all zeros; write the SHA-384 of the file, and its size")
    for where, argument in _open_arguments(card):
        yield Finding(f"{card.path}: {where}: {printable(argument)} is not filled in; write the value")


def _weak_checksums(card: ModelCard) -> Iterator[Finding]:
    for number, file in enumerate(card.files):
        where = f"{card.path}: files.{number}"
        if file.checksum.algorithm == "md5" and not file.remark:
            line = f"{where}.checksum: an MD5 can be forged; write a SHA-384, or in remark why there is none"
            yield Finding(line, is_error=False)
        elif file.remark:
            yield Finding(f"{where}: {printable(file.remark)}", is_error=False, is_note=True)


def _open_arguments(card: ModelCard) -> Iterator[tuple[str, str]]:
    """Yield the places of arguments that are still to be filled in, and the arguments."""
    lists = {
        "conversion_to_onnx_args": card.conversion_to_onnx_args,
        "model_optimizer_args": card.model_optimizer_args or (),
    }
    for key, arguments in lists.items():
        for number, argument in enumerate(arguments):
            if FILL_IN in argument:
                yield f"{key}.{number}", argument


def _steps_without_a_file(card: ModelCard) -> Iterator[Finding]:
    known = {file.name for file in card.files}
    if any(step.type == "unpack_archive" for step in card.postprocessing):
        return  # the file may come out of the archive
    for number, step in enumerate(card.postprocessing):
        if step.file not in known:
            where = f"{card.path}: postprocessing.{number}.file"
            yield Finding(f"{where}: {printable(step.file)} is not one of the files; list it, or remove the step")


def _wrong_bundled_files(card: ModelCard) -> Iterator[Finding]:
    for path, file in bundled_files(card).items():
        problem = file.problem_at(path)
        if problem:
            number = card.files.index(file)
            yield Finding(f"{card.path}: files.{number}: {path.name} {problem}; {_repair(file, path)}")


def _repair(file: ModelFile, path: Path) -> str:
    """Return how a bundled file and its card come to agree."""
    if not path.is_file():
        return f"put it into {path.parent}, or give the address of a download as its source"
    try:
        digest = Checksum.of(path).value
    except OSError:
        return "make it readable"
    return f"restore {file.name}, or if it is right, write size: {path.stat().st_size} and checksum: {digest}"


def _empty_readme(card: ModelCard | CompositeCard) -> Iterator[Finding]:
    readme = card.folder / README_FILE
    try:
        if readme.is_file() and not readme.read_bytes().strip():
            yield Finding(f"{card.path}: {README_FILE} is empty; write it")
    except OSError as error:
        yield Finding(f"{card.path}: {README_FILE} cannot be read: {os_reason(error)}")


def _missing_companions(card: ModelCard | CompositeCard) -> Iterator[Finding]:
    """Yield a warning about files that should lie beside a card; a composite model and its stages share them."""
    folders = [card.folder]
    if isinstance(card, CompositeCard):
        folders += [stage.folder for stage in card.stages]
    elif card.composite_model_name:
        return
    missing = []
    for name in (README_FILE, ACCURACY_FILE):
        if not any((folder / name).is_file() for folder in folders):
            missing.append(name)
    if missing:
        names = " and no ".join(missing)
        yield Finding(f"{card.path}: no {names} beside the card; add what is missing", is_error=False)
