"""The documents of the repository, and the commands that they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "models/*.md", "models/*/README.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_IN_A_TABLE = re.compile(r"^\|.*\| `(omz_[^`]+)` \|$", re.MULTILINE)


def commands(document: str) -> list[list[str]]:
    """Return the commands of a document: those in its blocks, and those that stand alone in the last cell of a row."""
    text = (ROOT / document).read_text()
    lines = "".join(_BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in (*lines, *_IN_A_TABLE.findall(text))]
    return [found for found in words if found]
