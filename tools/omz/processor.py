"""The processor of this machine, as far as results depend on it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_EXTENSIONS = ("sse4", "avx", "amx", "fma", "f16c")


def vector_extensions() -> str:
    """Return the processor's vector and matrix extensions on Linux; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in lines:
        if line.startswith("flags"):
            flags = line.partition(":")[2].split()
            return " ".join(sorted(flag for flag in flags if flag.startswith(_EXTENSIONS)))
    return ""


def instruction_set() -> str:
    """Return what tells the instructions that networks are computed with from those of other machines."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    return " ".join(filter(None, (platform.machine(), vector_extensions(), limit)))


def usable_cpus() -> tuple[int, ...]:
    """Return the numbers of the processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))
