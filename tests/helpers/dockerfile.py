"""A Dockerfile as data, and the files that its build sees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Dockerfile:
    """Instructions of a Dockerfile, in their order: (keyword, rest of the line)."""

    instructions: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, path: Path) -> Dockerfile:
        text = re.sub(r"\\\n\s*", "", path.read_text())
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        return cls(tuple((line.split()[0], line.partition(" ")[2]) for line in lines))

    def all(self, keyword: str) -> list[str]:
        return [rest for name, rest in self.instructions if name == keyword]

    @property
    def entry_point(self) -> list[str]:
        (entry,) = self.all("ENTRYPOINT")
        words: list[str] = json.loads(entry)
        return words

    @property
    def variables(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for pair in self.all("ENV"))


def copy_context(root: Path, target: Path) -> None:
    """Copy the tracked files that .dockerignore leaves: those below the names that it takes back with ``!``."""
    kept = [line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in _files(root, kept):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target / name)


def _files(root: Path, kept: list[str]) -> list[str]:
    """Return the tracked files below the names ``kept``; in a source distribution, all but what Python compiled."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z", *kept], cwd=root, capture_output=True, text=True, check=True)
        return list(filter(None, listed.stdout.split("\0")))
    found = [root / name for name in kept if (root / name).is_file()]
    for name in kept:
        found += [path for path in (root / name).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return [path.relative_to(root).as_posix() for path in found]
