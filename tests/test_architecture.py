from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "openvino", "cv2", "numpy", "onnx", "onnxruntime", "mindspore", "numba", "pydantic", "httpx")


def test_layers_hold(tmp_path):
    command = [Path(sys.executable).with_name("lint-imports"), "--cache-dir", tmp_path]  # the checkout may be read-only
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "module",
    ["omz", "omz.cli.converter", "omz.cli.accuracy", "omz.cli.downloader", "omz.cli.info_dumper", "omz_demo.cli"],
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


@pytest.mark.parametrize(
    "package", ["zoo", "images", "download", "networks", "synthesis", "runtime", "convert", "accuracy", "training"]
)
def test_the_library_neither_prints_nor_exits(package):
    for path in (ROOT / "tools" / "omz" / package).glob("*.py"):
        text = path.read_text()
        assert not re.search(r"\bprint\(|\bsys\.exit\b", text), path
