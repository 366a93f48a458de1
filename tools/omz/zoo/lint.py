"""What is odd about a card that can be read."""

from __future__ import annotations

from pathlib import Path

from omz.errors import CardError
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.record import printable


def lint(card: ModelCard | CompositeCard) -> list[str]:
    """Return what its author should mend, a line each with the card's file; empty for a good card."""
    if isinstance(card, CompositeCard):
        return [f"{card.path}: {remark}" for remark in card.remarks] + [
            line for stage in card.stages for line in lint(stage)
        ]
    lines = [f"{card.path}: {remark}" for remark in card.remarks]
    for arguments in (card.conversion_to_onnx_args, card.model_optimizer_args or ()):
        try:
            card.substitute(arguments, Path(), Path())
        except CardError as error:
            lines.append(str(error))
    known = {file.name for file in card.files}
    unpacked = any(step.type == "unpack_archive" for step in card.postprocessing)
    for number, step in enumerate(card.postprocessing):
        if step.file not in known and not unpacked:
            lines.append(f"{card.path}: postprocessing.{number}.file: {printable(step.file)} is none of the files")
    return lines
