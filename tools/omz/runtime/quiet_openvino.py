"""OpenVINO without its telemetry, and without its converter until that is asked for: all modules import it from here.

``import openvino`` reports to a server from a child process, and can wait seconds for it behind a firewall. It does not
if the reporting package cannot be imported. A third of the time of the import goes into ``openvino.convert_model``,
which nothing here uses; who does use it in the same process gets it then.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable

_CONVERTER = "openvino.tools.ovc"

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
sys.modules.setdefault(_CONVERTER, None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino.preprocess import PrePostProcessor  # noqa: E402

from omz.runtime.forks import PerProcess, check_openvino_is_usable  # noqa: E402

__all__ = ["PrePostProcessor", "core", "ov", "port_names", "reason"]


def _late(name: str) -> object:
    """Return what ``openvino`` has of its converter; the fallback of that module's attributes."""
    if name == "convert_model":
        return importlib.import_module(_CONVERTER).convert_model
    raise AttributeError(f"module 'openvino' has no attribute {name!r}")


if sys.modules[_CONVERTER] is None:
    del sys.modules[_CONVERTER]
    vars(ov).setdefault("__getattr__", _late)


def _new_core() -> ov.Core:
    check_openvino_is_usable()
    return ov.Core()


core = PerProcess(_new_core)
"""Returns the shared core; making one takes longer than compiling a small model."""


def port_names(ports: Iterable[ov.Output]) -> tuple[str, ...]:
    """Return a name of each port."""
    return tuple(port.any_name for port in ports)


def reason(error: RuntimeError) -> str:
    """Return the line of OpenVINO's message that gives the reason, without places in its sources."""
    lines = list(filter(None, map(str.strip, str(error).splitlines())))
    told = [line for line in lines if not line.startswith(("Exception from", "Check '", "While validating"))]
    return (told or lines or ["unknown reason"])[-1]
