from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.processors import NUMERIC

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("zoo", "images", "video", "networks", "synthesis", "download", "metrics", "runtime", "work"),
    *("matting", "training", "convert", "models", "cutout", "accuracy", "benchmark", "quantize"),
)
HEAVY = ("torch", "openvino", "cv2", "numpy", "onnx", "onnxruntime", "mindspore", "pydantic", "httpx")


def test_layers_hold(tmp_path):
    command = [Path(sys.executable).with_name("lint-imports"), "--cache-dir", tmp_path]  # the checkout may be read-only
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "module",
    [
        "omz",
        "omz.cli.converter",
        "omz.cli.accuracy",
        "omz.cli.benchmark",
        "omz.cli.downloader",
        "omz.cli.info_dumper",
        "omz_demo.cli",
    ],
)
def test_imports_are_light(module):
    script = f"import {module}, sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_converting_an_onnx_file_loads_neither_torch_nor_what_downloads_need():
    script = "import omz.convert.converter, sys; print(*({'torch', 'httpx', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_package_is_listed_for_installation():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(path.parent.relative_to(base).parts)
        for base in (ROOT / "tools", ROOT / "demos")
        for path in base.rglob("__init__.py")
    }
    assert sorted(listed) == sorted(found | {"omz_models"})


def test_every_package_of_the_library_is_looked_at():
    found = {path.parent.name for path in (ROOT / "tools" / "omz").glob("*/__init__.py")}
    assert found == {*PACKAGES, "cli"}


@pytest.mark.parametrize("package", ["", *PACKAGES])
def test_the_library_neither_prints_nor_exits(package):
    folder = ROOT / "tools" / "omz" / package
    for path in folder.rglob("*.py") if package else folder.glob("*.py"):
        calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert not {"print", "sys.exit"} & set(calls), path


def test_two_modules_print_for_all_commands():
    """There, text of others is escaped; elsewhere it could be forgotten."""
    forbidden = {"print", "click.echo", "click.secho", "Console", "rich.console.Console", "Text", "rich.table.Table"}
    for folder in (ROOT / "tools" / "omz" / "cli", ROOT / "demos"):
        for path in folder.rglob("*.py"):
            tree = ast.parse(path.read_text())
            calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
            if path.name not in ("printing.py", "tables.py", "bar.py"):
                assert not forbidden & calls, path


def test_the_tests_of_other_processors_are_there():
    for path in NUMERIC:
        assert (ROOT / path.partition("::")[0]).exists(), path


def test_no_file_has_the_marks_of_an_unfinished_merge():
    mark = re.compile(r"^\s*(<{7}|>{7}) \w", re.MULTILINE)
    for folder in ("benchmarks", "demos", "docs", "models", "tests", "tools"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".md", ".yml", ".toml", ".j2"):
                assert not mark.search(path.read_text(encoding="utf-8")), path
