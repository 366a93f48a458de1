"""The core alone, installed from the tree into an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PARTS = ("demos", "models", "tools", "LICENSE", "README.md", "pyproject.toml")


@dataclass(frozen=True)
class CoreEnvironment:
    """A virtual environment; commands run in ``folder``, with a cache folder of their own."""

    path: Path
    folder: Path

    def run(self, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment; its output is text."""
        own = {"OMZ_CACHE_DIR": str(self.folder / "cache"), "PATH": f"{self.path / 'bin'}:{os.environ['PATH']}"}
        return subprocess.run(
            [self.path / "bin" / command, *map(str, arguments)],
            cwd=self.folder, env=os.environ | own, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def packages(self) -> set[str]:
        """Return the installed packages, without pip and what it needs."""
        listed = self.run("python", "-m", "pip", "list", "--format", "freeze").stdout.splitlines()
        names = {line.partition("==")[0].lower().replace("_", "-") for line in listed}
        return names - {"pip", "setuptools", "wheel"}


def install_core(folder: Path, python: str) -> CoreEnvironment:
    """Install the core with the versions in constraints/ below ``folder``, for ``python``."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    for name in _PARTS:
        part = ROOT / name
        if part.is_dir():
            shutil.copytree(part, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(part, tree / name)
    place = folder / "environment"
    subprocess.run([python, "-m", "venv", place], check=True)
    constraints = ROOT / "constraints" / "newest.txt"
    pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--constraint", constraints, tree]
    subprocess.run(pip, check=True)
    work = folder / "work"
    work.mkdir()
    return CoreEnvironment(place, work)
