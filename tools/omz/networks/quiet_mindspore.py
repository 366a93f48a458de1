"""MindSpore, without most of what it does to the process that imports it.

It sets variables of the environment, among them that of protobuf's slow implementation, which would hold for ONNX
files, too; they are taken back. Its oneDNN (3.10) computes most convolutions with reference code where it finds
AVX-512, dozens of times as slowly as with AVX2; so it is shown AVX2 until it has looked, and no longer, for PyTorch and
OpenVINO read the same variable. It keeps Ctrl-C for itself, which cannot be helped: programs run it in a process of its
own (:mod:`omz.runtime.mindspore_engine`).
"""

from __future__ import annotations

import os

import google.protobuf.descriptor  # noqa: F401  (MindSpore would choose how it is implemented)
import numpy as np

from omz.extras import import_extra

_FOR_IMPORT = {"GLOG_v": "4", "ONEDNN_MAX_CPU_ISA": "AVX2"}
"""Unless the user has set them: what is logged, from the level called critical on; the instructions used at most."""
_SET_IN_C = ("OMP_NUM_THREADS",)  # which os.environ does not see

_before = dict(os.environ)
os.environ.update({name: value for name, value in _FOR_IMPORT.items() if name not in _before})
try:
    ms = import_extra("mindspore", "mindspore", "MindSpore")
    nn, ops = ms.nn, ms.ops
    nn.Conv2d(1, 1, 1)(ms.Tensor(np.zeros((1, 1, 1, 1), np.float32))).asnumpy()  # oneDNN looks now
finally:
    for _name in {*os.environ, *_SET_IN_C} - set(_before):
        os.unsetenv(_name)
        os.environ.pop(_name, None)
    os.environ.update(_before)
