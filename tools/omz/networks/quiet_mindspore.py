"""MindSpore, without what it does to the process that imports it.

Its logs are left out, for what they tell is in its errors. It sets variables of the environment, among them that of
protobuf's slow implementation, which would hold for ONNX files, too; they are taken back. Its oneDNN (3.10) computes
most convolutions with reference code where it finds AVX-512, dozens of times as slowly as with AVX2; so it is shown
AVX2 until it has looked, and no longer, for PyTorch and OpenVINO read the same variable.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import google.protobuf.descriptor  # noqa: F401  (MindSpore would choose how it is implemented)
import numpy as np

from omz.extras import import_extra

_FOR_IMPORT = {"GLOG_v": "4", "ONEDNN_MAX_CPU_ISA": "AVX2"}
"""Unless the user has set them: errors are logged from level 4 on, which is none; the instructions used at most."""


@contextlib.contextmanager
def failures_noted_in(folder: Path) -> Iterator[None]:
    """Inside the block, what MindSpore notes on networks that fail goes there, not into the working directory."""
    before = os.environ.get(_NOTES)
    os.environ[_NOTES] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NOTES]
        else:
            os.environ[_NOTES] = before


_NOTES = "MS_OM_PATH"
_before = dict(os.environ)
os.environ.update({name: value for name, value in _FOR_IMPORT.items() if name not in _before})
try:
    ms = import_extra("mindspore", "mindspore", "MindSpore")
    nn, ops = ms.nn, ms.ops
    nn.Conv2d(1, 1, 1)(ms.Tensor(np.zeros((1, 1, 1, 1), np.float32))).asnumpy()  # oneDNN looks now
finally:
    for _name in set(os.environ) - set(_before):
        del os.environ[_name]
    os.environ.update(_before)
