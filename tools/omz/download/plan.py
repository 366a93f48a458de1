"""Plans of downloads: the files that are needed, and where they go."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from omz.zoo.card import ModelCard
from omz.zoo.model_file import BundledSource, ModelFile
from omz.zoo.postprocessing import RegexReplace
from omz.zoo.vocabulary import Precision


@dataclass(frozen=True)
class PlannedFile:
    """A file and its target; ``is_changed`` tells that the card replaces text in it afterwards."""

    model: str
    file: ModelFile
    target: Path
    is_changed: bool = False


@dataclass(frozen=True)
class DownloadPlan:
    """Plan for one model.

    ``folder`` is the model's; ``skipped`` has the names of files that are not fetched, each with the reason. If no
    file of the model is needed, ``reason`` says why.
    """

    card: ModelCard
    folder: Path
    files: tuple[PlannedFile, ...]
    skipped: tuple[tuple[str, str], ...]
    reason: str | None = None


def plan_download(card: ModelCard, directory: Path, precisions: Collection[str]) -> DownloadPlan:
    """Decide which files of ``card`` go where below ``directory``.

    Files named PRECISION/FILE are needed in ``precisions`` only, all others always; those that ship with the card are
    not fetched.
    """
    folder = directory / card.subdirectory
    if not card.precisions.intersection(precisions):
        reason = f"the model does not come in {', '.join(sorted(precisions))}"
        return DownloadPlan(card, folder, (), (), reason)
    changed = {step.file for step in card.postprocessing if isinstance(step, RegexReplace)}
    files, skipped = [], []
    for file in card.files:
        first, *rest = file.name.split("/")
        if isinstance(file.source, BundledSource):
            skipped.append((file.name, "ships with its card"))
        elif len(rest) == 1 and first in get_args(Precision) and first not in precisions:
            skipped.append((file.name, f"{first} was not asked for"))
        else:
            files.append(PlannedFile(card.name, file, card.file_path(file, directory), file.name in changed))
    return DownloadPlan(card, folder, tuple(files), tuple(skipped))
