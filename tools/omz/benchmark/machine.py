"""The machine that a benchmark ran on: what its figures depend on, read and never changed."""

from __future__ import annotations

import os
from pathlib import Path

from omz.accuracy import provenance

_GOVERNORS = Path("/sys/devices/system/cpu")
_MEMORY = Path("/proc/meminfo")
_KIB = 1024
_IF_UNKNOWN = 4 << 30
_BUSY = 0.25  # of a core that others use


def machine() -> dict[str, str]:
    """Describe the machine: processor, instructions, cores, system, memory, and the governor of its frequency."""
    found = provenance.machine()
    found["governor"] = governor()
    total = _memory("MemTotal")
    if total:
        found["memory"] = f"{total / 2**30:.1f} GiB"
    found["load before"] = f"{load():.2f}"
    return found


def governor() -> str:
    """Return the governors of the processors' frequency, each once; ``not told`` where the system has none."""
    found = set()
    for path in sorted(_GOVERNORS.glob("cpu[0-9]*/cpufreq/scaling_governor")):
        try:
            found.add(path.read_text(encoding="utf-8").strip())
        except OSError:
            continue
    return ", ".join(sorted(found)) or "not told"


def load() -> float:
    """Return the average number of processes that wanted a core in the last minute; 0 where the system has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def warning() -> str:
    """Return a line about other programs that use the processor; empty if there are none."""
    busy = load()
    if busy < _BUSY:
        return ""
    return (
        f"the machine is busy: load {busy:.1f} on {os.cpu_count()} cores; ratios hold, times of a quiet machine are "
        "shorter"
    )


def available_memory() -> int:
    """Return the bytes that new processes can have."""
    return _memory("MemAvailable") or _IF_UNKNOWN


def _memory(name: str) -> int:
    try:
        lines = _MEMORY.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _KIB
    return 0
