"""Verification of downloaded models."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import get_args

from omz.download.events import FileChecked
from omz.download.plan import plan_download
from omz.download.postprocess import postprocessed
from omz.zoo.card import ModelCard
from omz.zoo.model_file import BundledSource
from omz.zoo.source import wrong_file
from omz.zoo.vocabulary import Precision


def verify(card: ModelCard, directory: Path, precisions: Collection[str]) -> list[FileChecked]:
    """Check the files of ``card`` below ``directory``, including those that ship with it; change nothing.

    A file that was unpacked or changed as the card says is right if the results are unharmed.
    """
    plan = plan_download(card, directory, precisions)
    finished: frozenset[str] = frozenset()
    if card.postprocessing:
        finished = postprocessed(card, plan.folder)
    wanted = {planned.file.name for planned in plan.files}
    checks = []
    for file in card.files:
        if file.name in wanted or isinstance(file.source, BundledSource):
            path = card.file_path(file, directory)
            done = file.name in finished
            checks.append(FileChecked(card.name, str(path), None if done else file.problem_at(path), done))
    if wanted and card.postprocessing and not finished and not any(check.problem for check in checks):
        checks.append(FileChecked(card.name, str(plan.folder), "is not yet unpacked or changed as on the card"))
    return checks


def check_files(card: ModelCard, directory: Path) -> None:
    """Raise :class:`omz.errors.ModelFileError` unless all files of ``card`` are right, before code among them runs."""
    for check in verify(card, directory, get_args(Precision)):
        if check.problem:
            raise wrong_file(card, check.path, check.problem, directory)
