"""The files of a card that a conversion starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from omz.convert.onnx_file import side_files
from omz.convert.plan import ConversionPlan
from omz.zoo import vocabulary
from omz.zoo.model_file import Checksum
from omz.zoo.source import check_source, wrong_file


@dataclass(frozen=True)
class Sources:
    """What a model is made of: the name of its main file and its checksum, and the checksums of all files it needs."""

    name: str
    main: Checksum
    needed: tuple[Checksum, ...]


def check_sources(plan: ConversionPlan) -> Sources:
    """Return what ``plan`` starts from, which must be what the card describes.

    That is its source, with the files in which an ONNX file keeps weights; where code of the card is run, all of its
    files. Raises :class:`omz.errors.ModelFileError` where one is missing or another.
    """
    card = plan.card
    if not plan.needs_trust:
        main = check_source(card, plan.source, plan.download_dir)
        beside = () if plan.export else side_files(plan.source)
        more = (check_source(card, path, plan.download_dir) for path in beside)
        return Sources(plan.source.name, main, (main, *more))
    from omz.download.verify import verify  # brings what downloads need

    for check in verify(card, plan.download_dir, get_args(vocabulary.Precision)):
        if check.problem:
            raise wrong_file(card, check.path, check.problem, plan.download_dir)
    needed = {card.file_path(file, plan.download_dir): file.checksum for file in card.files}
    if plan.script:
        needed[plan.script] = Checksum.of(plan.script)
    path = plan.source if plan.source in needed else next(iter(needed))  # a script may make the source
    return Sources(path.name, needed[path], tuple(needed.values()))
