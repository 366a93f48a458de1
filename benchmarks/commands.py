"""Whole commands, timed as a user's clock would."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Command = Sequence[str | Path]
_EVERY = 0.02  # seconds


def time_command(command: Command, environment: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Return the seconds from start to exit of a command that succeeds, and the peak memory of its largest process.

    That is in MB, of the command itself or of one that it has waited for. It is never below what this process holds, so
    keep this one small. Linux counts kilobytes.
    """
    started = time.perf_counter()
    return _wait(_start(command, environment), command, started)


def time_processes(command: Command, environment: Mapping[str, str] | None = None) -> tuple[float, float, float]:
    """Return what :func:`time_command` returns, and the most memory in MB that all processes held at a time."""
    started = time.perf_counter()
    process = _start(command, environment)
    watch = _Watch(process.pid)
    watch.start()
    try:
        seconds, largest = _wait(process, command, started)
    finally:
        watch.stop()
    return seconds, largest, max(largest, watch.peak)


def _start(command: Command, environment: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    )


def _wait(process: subprocess.Popen[bytes], command: Command, started: float) -> tuple[float, float]:
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise subprocess.CalledProcessError(process.returncode, [str(word) for word in command])
    return seconds, usage.ru_maxrss / 1024


class _Watch(threading.Thread):
    """Looks every now and then at what a process and its descendants hold; ``peak`` is in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self._pid = pid
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(_EVERY):
            self.peak = max(self.peak, memory_of(self._pid))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def memory_of(pid: int) -> float:
    """Return the memory in MB that a process and its descendants hold together."""
    return _held_together([_held(each) for each in _family(pid)])


def _family(pid: int) -> list[int]:
    """Return a process and its descendants, as far as they are still there."""
    family = [pid]
    for each in family:
        try:
            threads = list(Path(f"/proc/{each}/task").iterdir())
        except OSError:  # the process has ended
            continue
        for thread in threads:
            family += [int(child) for child in _text(thread / "children").split()]
    return family


def _held(pid: int) -> dict[str, float]:
    """Return the memory of a process in MB, by kind."""
    fields = (line.split() for line in _text(Path(f"/proc/{pid}/status")).splitlines() if line.startswith("Rss"))
    return {name.rstrip(":"): int(kilobytes) / 1024 for name, kilobytes, _ in fields}


def _held_together(held: list[dict[str, float]]) -> float:
    """Add what processes hold; files in memory, such as libraries, count once, as the process has them that has most.

    For processes of the same program share these.
    """
    own = sum(each.get("RssAnon", 0.0) + each.get("RssShmem", 0.0) for each in held)
    return own + max(each.get("RssFile", 0.0) for each in held)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended
        return ""


Figures = tuple[dict[str, list[float]], dict[str, list[float]]]
"""By command: the seconds of each run that counts, and the largest of each peak in MB."""


def take_turns(
    commands: Mapping[str, Command],
    runs: int,
    before: Callable[[], None] = lambda: None,
    environment: Mapping[str, str] | None = None,
    measure: Callable[[Command, Mapping[str, str] | None], tuple[float, ...]] = time_command,
    warm_ups: int = 1,
) -> Figures:
    """Run the commands in turn, ``warm_ups`` times more than count; ``measure`` gives seconds, and then peaks."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, list[float]] = {}
    for run in range(runs + warm_ups):
        for name, command in commands.items():
            before()
            taken, *found = measure(command, environment)
            peaks[name] = [max(pair) for pair in zip(found, peaks.get(name, found), strict=True)]
            if run >= warm_ups:
                seconds[name].append(taken)
    return seconds, peaks


def print_table(title: str, figures: Figures, peaks: Sequence[str] = ("peak memory MB",)) -> None:
    """Print a row a command; its speed is the time of the first command divided by its own."""
    heads = [title, "median s", "min", "max", "speed, of the first", *peaks]
    print(f"\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    medians = {name: statistics.median(counted) for name, counted in figures[0].items()}
    first = next(iter(medians.values()))
    for name, counted in figures[0].items():
        cells = [f"{each:.2f}" for each in (medians[name], min(counted), max(counted), first / medians[name])]
        cells += [f"{each:.0f}" for each in figures[1][name]]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def models_of(python: Path) -> Path:
    """Return the folder with Open Model Zoo's cards, which openvino-dev brings; ``python`` is one that has it."""
    script = "import omz_tools, pathlib; print(pathlib.Path(omz_tools.__path__[0]) / 'models')"
    return Path(subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip())


def machine() -> str:
    """Return the processor, its cores and the Python version, for the head of a table."""
    names = [line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}"


def _cpu_lines() -> list[str]:
    information = Path("/proc/cpuinfo")
    return information.read_text().splitlines() if information.exists() else []
