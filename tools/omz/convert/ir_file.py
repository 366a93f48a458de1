"""Reading and writing IRs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from omz.errors import ConversionError
from omz.runtime.quiet_openvino import core, ov, reason


def read_model(xml: Path) -> ov.Model:
    """Read an IR; raises :class:`ConversionError`."""
    try:
        return core().read_model(xml)
    except RuntimeError as error:
        raise ConversionError(f"{xml} cannot be read as an IR: {reason(error)}") from error


def tensor_names(ports: Iterable[ov.Output]) -> set[str]:
    """Return all names of the tensors of ``ports``, of which each may have several."""
    return set().union(*(port.get_names() for port in ports))


def save_ir(model: ov.Model, xml: Path, precision: str) -> None:
    """Write an IR to a new file, and read it back in case the disk was full.

    Weights are stored in half precision if ``precision`` is FP16. Raises :class:`ConversionError`.
    """
    try:
        xml.parent.mkdir(parents=True, exist_ok=True)
        ov.save_model(model, xml, compress_to_fp16=precision == "FP16")
        core().read_model(xml)
    except RuntimeError as error:
        free = shutil.disk_usage(xml.parent).free
        raise ConversionError(
            f"the {precision} IR cannot be written: {reason(error)} ({free >> 20} MiB are free)"
        ) from error
