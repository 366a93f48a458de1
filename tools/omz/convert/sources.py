"""The source files of a conversion, and the ONNX file that an IR was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omz.convert.exported import export_network
from omz.convert.onnx_file import side_files
from omz.convert.plan import ConversionPlan, plan_conversion
from omz.errors import ConversionError
from omz.zoo.card import ModelCard
from omz.zoo.model_file import Checksum
from omz.zoo.source import check_source


@dataclass(frozen=True)
class Sources:
    """Name and checksum of a model's main file, and the checksums of all files that it needs."""

    name: str
    main: Checksum
    needed: tuple[Checksum, ...]


def check_sources(plan: ConversionPlan) -> Sources:
    """Return the source files of ``plan``, checked against the card.

    They are its source and the files in which an ONNX file keeps weights; if code of the card runs, all of its files.
    Raises :class:`omz.errors.ModelFileError` if one is missing or differs.
    """
    card = plan.card
    if not plan.needs_trust:
        main = check_source(card, plan.source, plan.download_dir)
        beside = () if plan.export else side_files(plan.source)
        checksums = [main]
        for path in beside:
            checksums.append(check_source(card, path, plan.download_dir))
        return Sources(plan.source.name, main, tuple(checksums))
    from omz.download.verify import check_files  # brings what downloads need

    check_files(card, plan.download_dir)
    needed = {card.file_path(file, plan.download_dir): file.checksum for file in card.files}
    if plan.script:
        needed[plan.script] = Checksum.of(plan.script)
    path = plan.source if plan.source in needed else next(iter(needed))  # a script may make the source
    return Sources(path.name, needed[path], tuple(needed.values()))


def source_onnx(card: ModelCard, download_dir: Path, ir: Path, folder: Path) -> Path:
    """Return the ONNX file between the original of ``card`` and ``ir``.

    It is the original itself, or the file that the converter left beside the folders of the precisions, or else is made
    again below ``folder``. Raises :class:`omz.errors.OmzError` if there is no original, or if making the file would run
    code of the card.
    """
    plan = plan_conversion(card, download_dir, folder)
    if plan.onnx_file.is_relative_to(plan.folder):
        left = ir.parents[1] / plan.onnx_file.relative_to(plan.folder)
        if left.is_file():
            return left
    if plan.needs_trust:
        raise ConversionError(
            f"{card.name}: code that comes with the card ({plan.foreign_code}) makes its ONNX file; convert it "
            "with --trust_code, and name the folder of the result"
        )
    check_sources(plan)
    if plan.export:
        plan.folder.mkdir(parents=True, exist_ok=True)
        export_network(card.framework, plan.export)
    return plan.onnx_file
