"""OpenVINO without its telemetry: every other module imports it from here.

``import openvino`` reports to a server from a child process, and can wait seconds for it behind a firewall. It does not
if the reporting package cannot be imported.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino.preprocess import PrePostProcessor  # noqa: E402

__all__ = ["PrePostProcessor", "core", "ov", "port_names", "reason"]


@functools.cache
def core() -> ov.Core:
    """Return the shared core; making one takes longer than compiling a small model."""
    return ov.Core()


def port_names(ports: Iterable[ov.Output]) -> tuple[str, ...]:
    """Return a name of each port."""
    return tuple(port.any_name for port in ports)


def reason(error: RuntimeError) -> str:
    """Return the line of OpenVINO's message that gives the reason, without places in its sources."""
    lines = list(filter(None, map(str.strip, str(error).splitlines())))
    told = [line for line in lines if not line.startswith(("Exception from", "Check '", "While validating"))]
    return (told or lines or ["unknown reason"])[-1]
