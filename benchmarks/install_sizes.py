"""Sizes of the core and its extras, each installed into an environment of its own, as a table in docs/install.md.

``make sizes`` runs this. Nothing but the package index is needed; the environments are removed again.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "install.md"
MARKED = re.compile(r"(?<=<!-- sizes -->\n).*(?=<!-- /sizes -->)", re.DOTALL)
NOT_FOR_USERS = ("docs", "test", "training")
CONSTRAINTS = ROOT / "constraints" / "newest.txt"


def extras() -> list[str]:
    """Return the extras for users; the empty name stands for the core."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return ["", *(name for name in project["optional-dependencies"] if name not in NOT_FOR_USERS)]


def measure(extra: str, pip_arguments: list[str]) -> tuple[int, int]:
    """Install the package with an extra; return the number of packages, without pip's own, and megabytes on disk."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        requirement = f"{ROOT}[{extra}]" if extra else str(ROOT)
        command = [python, "-m", "pip", "install", "--quiet", "--constraint", CONSTRAINTS, *pip_arguments, requirement]
        subprocess.run(command, check=True)
        listed = subprocess.check_output([python, "-m", "pip", "list", "--format", "freeze"], text=True)
        names = {line.partition("==")[0] for line in listed.splitlines()}
        size = subprocess.check_output(["du", "-sm", folder], text=True)
    return len(names - {"pip", "setuptools", "wheel"}), int(size.split()[0])


def main() -> None:
    """Measure, print the table and write it into the page."""
    lines = ["| install | packages | MB |", "|---|---|---|"]
    for extra in extras():
        packages, megabytes = measure(extra, sys.argv[1:])
        title = f"pip install '.[{extra}]'" if extra else "pip install ."
        lines.append(f"| `{title}` | {packages} | {megabytes:,} |")
        print(lines[-1], flush=True)
    page = PAGE.read_text(encoding="utf-8")
    table = "\n".join(lines) + "\n"
    PAGE.write_text(MARKED.sub(lambda _: table, page), encoding="utf-8")


if __name__ == "__main__":
    main()
