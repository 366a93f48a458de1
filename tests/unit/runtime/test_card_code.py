"""Modules that come with cards: imported inside the block, forgotten behind it, whatever order a set has."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from omz.runtime.card_code import importable

MODULES = {  # as in the cards of MODNet, whose outer packages have no file of their own
    "src/models/modnet.py": "from .backbones import SUPPORTED\nimport src.other.inner.leaf\nFACTOR = SUPPORTED",
    "src/models/backbones/__init__.py": "from .wrapper import SUPPORTED",
    "src/models/backbones/wrapper.py": "from .mobilenetv2 import SUPPORTED",
    "src/models/backbones/mobilenetv2.py": "SUPPORTED = 7",
    "src/other/inner/leaf.py": "",
}

PROGRAM = """
import sys
from pathlib import Path
from omz.runtime.card_code import importable

before = set(sys.modules)
with importable([Path(sys.argv[1])]):
    from src.models.modnet import FACTOR
assert FACTOR == 7
print(sorted(name for name in set(sys.modules) - before if name.startswith("src")))
"""


def write(root: Path) -> Path:
    for name, content in MODULES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_packages_without_a_file_are_forgotten_in_whatever_order_sets_have(tmp_path, monkeypatch):
    write(tmp_path)
    for seed in range(20):
        monkeypatch.setenv("PYTHONHASHSEED", str(seed))
        command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", ""), seed


def test_a_package_of_the_same_name_elsewhere_does_not_hide_that_of_a_card(tmp_path, monkeypatch):
    """A package without a file takes its folders from ``sys.path`` anew whenever that changes."""
    write(tmp_path / "card")
    (tmp_path / "elsewhere" / "src").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    with importable([tmp_path / "card"]):
        modnet = importlib.import_module("src.models.modnet")
    assert modnet.FACTOR == 7
    assert not [name for name in sys.modules if name == "src" or name.startswith("src.")]


def test_code_that_removes_its_own_parent_is_no_error(tmp_path):
    program = "import sys, src.other.inner\ndel sys.modules['src.other']\n"
    (write(tmp_path) / "src" / "models" / "modnet.py").write_text(program)
    with importable([tmp_path]):
        importlib.import_module("src.models.modnet")
    assert not [name for name in sys.modules if name == "src" or name.startswith("src.")]


def test_an_error_inside_passes_and_everything_is_as_before(tmp_path):
    program = "import src.other.inner.leaf\nraise SystemExit"
    (write(tmp_path) / "src" / "models" / "modnet.py").write_text(program)
    before = list(sys.path), sys.dont_write_bytecode
    with pytest.raises(SystemExit), importable([tmp_path]):
        importlib.import_module("src.models.modnet")
    assert (list(sys.path), sys.dont_write_bytecode) == before
    assert not [name for name in sys.modules if name == "src" or name.startswith("src.")]
