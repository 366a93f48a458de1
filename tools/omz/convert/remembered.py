"""IRs of cards, remembered: to read a card takes pydantic, which takes about as long to load as an image to matte."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omz.atomic import whole_file
from omz.convert import cache
from omz.convert.cache import cache_folder
from omz.runtime.quiet_openvino import ov


@dataclass(frozen=True)
class RememberedIR:
    """The IR of a card; ``takes_plate`` is what the card says, None if it does not say."""

    path: Path
    takes_plate: bool | None


def remember(card_file: Path, ir: RememberedIR) -> None:
    """Remember the IR of the card at ``card_file``, if the cache folder can be written."""
    try:
        content = {
            "ir": str(ir.path.absolute()),
            "takes_plate": ir.takes_plate,
            "files": _states(card_file, ir.path),
        }
        with whole_file(_place(card_file)) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")
    except OSError:
        return


def recall(card_file: Path) -> RememberedIR | None:
    """Return the IR of the card at ``card_file``; None if it was not remembered, or a file has changed since."""
    try:
        content = json.loads(_place(card_file).read_text(encoding="utf-8"))
        ir = RememberedIR(Path(content["ir"]), content["takes_plate"])
        return ir if content["files"] == _states(card_file, ir.path) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _place(card_file: Path) -> Path:
    """Return the place of the memory: another for each card, and for each version of what makes IRs.

    The package's own version is told by the time of one of its files, for to ask for it would take as long as all else.
    """
    installed = Path(cache.__file__).stat().st_mtime_ns
    facts = (str(card_file.absolute()), str(cache.REVISION), str(installed), ov.get_version())
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return cache_folder() / "remembered" / f"{key}.json"


def _states(card_file: Path, ir: Path) -> list[list[Any]]:
    """Return what changes with the content of the card and of the IR: sizes in bytes, times in nanoseconds."""
    states = []
    for path in (card_file, ir, ir.with_suffix(".bin")):
        facts = path.stat()
        states.append([facts.st_size, facts.st_mtime_ns])
    return states
