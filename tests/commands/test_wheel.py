"""What is published: a wheel with every file of every model and no leftovers, and the source that it is built from."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from helpers.builders import small_model

ROOT = Path(__file__).parents[2]
CODE = ("tools", "demos", "models")
AROUND = (".github", "benchmarks", "constraints", "docs", "tests")
FILES = (
    ".dockerignore", ".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE",
    "MANIFEST.in", "Makefile", "README.md", "SECURITY.md", "mkdocs.yml", "pyproject.toml", "requirements.txt",
)  # fmt: skip
BUNDLED = ("model.yml", "extra.onnx", "weights", "FP16/extra.xml", "FP16/deep/extra.bin.onnx")
LEFT = (
    "__pycache__/a.pyc", "FP16/__pycache__/b.pyc", "b.pyc", "model.yml~", "FP16/extra.xml~", "weights.bak",
    "model.yml.orig", ".DS_Store", "FP16/.lock", "FP16/Thumbs.db", "#model.yml#",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Return a copy of the tree with one more model, and in it ``log``, and ``dist`` with both files."""
    tree = tmp_path_factory.mktemp("tree")
    for name in (*CODE, *AROUND):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, tree)
    small_model(tree / "models" / "extra_model" / "extra.onnx")
    small_model(tree / "models" / "extra_model" / "FP16" / "deep" / "extra.bin.onnx")
    for name in ("model.yml", "weights", "FP16/extra.xml", *LEFT, "../__pycache__/c.pyc"):
        path = tree / "models" / "extra_model" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("any")
    command = [sys.executable, "-m", "build", "--outdir", tree / "dist", tree]
    if _has_setuptools():
        command.append("--no-isolation")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (tree / "log").write_text(done.stdout + done.stderr)
    return tree


@pytest.fixture(scope="module")
def wheel(built) -> list[str]:
    """Return the names of the files in the wheel."""
    (path,) = built.glob("dist/*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def source(built) -> set[str]:
    """Return the names of the files in the source distribution, without its own folder."""
    (path,) = built.glob("dist/*.tar.gz")
    with tarfile.open(path) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def _has_setuptools() -> bool:
    """Tell whether setuptools is here, in a version that can build; if not, it comes from the registry."""
    try:
        return int(version("setuptools").partition(".")[0]) >= 77
    except PackageNotFoundError:
        return False


def test_it_has_whatever_a_model_bundles_and_no_leftovers(wheel, source):
    folder = "omz_models/extra_model/"
    assert {name.removeprefix(folder) for name in wheel if name.startswith(folder)} == {*BUNDLED}
    assert {name for name in source if name.startswith("models/extra_model/")} == {
        f"models/extra_model/{name}" for name in BUNDLED
    }


def test_it_has_every_file_of_the_models_of_the_package(wheel):
    for card in (ROOT / "models").glob("*/model.yml"):
        for path in card.parent.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"omz_models/{path.relative_to(ROOT / 'models').as_posix()}" in wheel


def test_it_has_the_code_and_nothing_that_python_compiled(wheel):
    for name in ("omz/__init__.py", "omz/py.typed", "omz/accuracy/report/page.html.j2", "omz_demo/cli.py"):
        assert name in wheel
    assert not [name for name in wheel if name.endswith(".pyc")]


def test_the_source_has_all_that_make_test_needs(built, source):
    assert source >= {*FILES}
    for folder in (*CODE, *AROUND):
        inside = [path.relative_to(built) for path in (built / folder).rglob("*") if path.is_file()]
        ours = {path.as_posix() for path in inside if not {"extra_model", "__pycache__"} & {*path.parts}}
        assert ours
        assert ours <= source


def test_the_build_warns_of_nothing_about_packages(built):
    log = (built / "log").read_text()
    assert "absent from" not in log
    assert "SetuptoolsDeprecationWarning" not in log
