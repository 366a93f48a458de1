"""MindSpore, without most of its effects on the process that imports it.

It sets environment variables, among them the one that selects protobuf's slow implementation, also for ONNX files; they
are restored. Its oneDNN (3.10) computes most convolutions with reference code on AVX-512, dozens of times as slowly as
with AVX2; so it sees only AVX2 until it has chosen, and no longer, for PyTorch and OpenVINO read the same variable. It
captures Ctrl-C, which cannot be undone: programs run it in an isolated process (:mod:`omz.runtime.mindspore_engine`).
"""

from __future__ import annotations

import os

import google.protobuf.descriptor  # noqa: F401  (or MindSpore would choose its implementation)
import numpy as np

from omz.extras import import_extra

_FOR_IMPORT = {"GLOG_v": "4", "ONEDNN_MAX_CPU_ISA": "AVX2"}
"""Unless the user has set them: log critical errors only; use at most these instructions."""
_SET_IN_C = ("OMP_NUM_THREADS",)  # unseen by os.environ

_before = dict(os.environ)
os.environ.update({name: value for name, value in _FOR_IMPORT.items() if name not in _before})
try:
    ms = import_extra("mindspore")
    nn, ops = ms.nn, ms.ops
    nn.Conv2d(1, 1, 1)(ms.Tensor(np.zeros((1, 1, 1, 1), np.float32))).asnumpy()  # oneDNN looks now
finally:
    for _name in {*os.environ, *_SET_IN_C} - set(_before):
        os.unsetenv(_name)
        os.environ.pop(_name, None)
    os.environ.update(_before)
