"""The files of a card that a conversion starts from."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import get_args

from omz.convert.plan import ConversionPlan
from omz.errors import ModelFileError
from omz.zoo import vocabulary
from omz.zoo.model_file import Checksum
from omz.zoo.source import check_source


@dataclass(frozen=True)
class Sources:
    """What a model is made of: the name of its main file and its checksum, and the checksums of all files it needs."""

    name: str
    main: Checksum
    needed: tuple[Checksum, ...]


def check_sources(plan: ConversionPlan) -> Sources:
    """Return what ``plan`` starts from, which must be what the card describes.

    Where code of the card is run, that is all of its files. Raises :class:`ModelFileError` where one is missing or
    another.
    """
    card = plan.card
    if not plan.needs_trust:
        main = check_source(card, plan.source, plan.download_dir)
        return Sources(plan.source.name, main, (main,))
    from omz.download.verify import verify  # brings what downloads need

    for check in verify(card, plan.download_dir, get_args(vocabulary.Precision)):
        if check.problem:
            command = shlex.join(["omz_downloader", "--name", card.name, "-o", str(plan.download_dir)])
            raise ModelFileError(f"{card.name}: {check.path} {check.problem}; run {command} first")
    main = next(file.checksum for file in card.files if card.file_path(file, plan.download_dir) == plan.source)
    return Sources(plan.source.name, main, tuple(file.checksum for file in card.files))
