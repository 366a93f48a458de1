"""OpenVINO without its telemetry: every other module imports it from here.

``import openvino`` reports to a server from a child process, and can wait seconds for it behind a firewall. It goes
without where the reporting package is not to be had.
"""

from __future__ import annotations

import functools
import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino.preprocess import PrePostProcessor  # noqa: E402

__all__ = ["PrePostProcessor", "core", "ov"]


@functools.cache
def core() -> ov.Core:
    """Return what reads and compiles models; making one takes longer than compiling a small model."""
    return ov.Core()
