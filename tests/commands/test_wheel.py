"""The wheel that pip builds: it has every file of every model, and no code that Python left beside them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from helpers.builders import small_model

ROOT = Path(__file__).parents[2]
CODE = ("tools", "demos", "models")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> list[str]:
    """Return the names of the files in a wheel, built from a copy of the tree with one more model."""
    tree = tmp_path_factory.mktemp("tree")
    for name in CODE:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.egg-info"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tree)
    model = tree / "models" / "extra"
    small_model(model / "extra.onnx")
    small_model(model / "FP16" / "deep" / "extra.bin.onnx")
    for name in ("model.yml", "weights", "FP16/extra.xml"):
        (model / name).write_text("any")
    (tree / "models" / "__pycache__").mkdir(exist_ok=True)
    (tree / "models" / "__pycache__" / "left.pyc").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tree, tree]
    if _has_setuptools():
        command.append("--no-build-isolation")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tree.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _has_setuptools() -> bool:
    """Tell whether setuptools is here, in a version that can build; if not, pip gets it from the registry."""
    try:
        return int(version("setuptools").partition(".")[0]) >= 77
    except PackageNotFoundError:
        return False


def test_it_has_whatever_a_model_bundles(wheel):
    bundled = {name.removeprefix("omz_models/extra/") for name in wheel if name.startswith("omz_models/extra/")}
    assert bundled == {"model.yml", "extra.onnx", "weights", "FP16/extra.xml", "FP16/deep/extra.bin.onnx"}


def test_it_has_every_file_of_the_models_of_the_package(wheel):
    for card in (ROOT / "models").glob("*/model.yml"):
        for path in card.parent.rglob("*"):
            if path.is_file():
                assert f"omz_models/{path.relative_to(ROOT / 'models').as_posix()}" in wheel


def test_it_has_the_code_and_nothing_that_python_compiled(wheel):
    for name in ("omz/__init__.py", "omz/py.typed", "omz/accuracy/report/page.html.j2", "omz_demo/cli.py"):
        assert name in wheel
    assert not [name for name in wheel if name.endswith(".pyc")]
