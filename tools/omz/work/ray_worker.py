"""Worker of a cluster: a process that Ray starts on a machine, and that works on batches of units.

It is this module alone that a machine must load before its versions are known to fit.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from omz.errors import EngineError, OmzError, os_reason
from omz.processor import instruction_set, usable_cpus

_PACKAGES = ("open-matting-zoo", "openvino", "numpy", "opencv-python", "pillow", "av")
"""Packages that the results of all jobs depend on."""

Blobs = Callable[[], tuple[bytes, ...]]
"""Files that the driver sends along, which are fetched when they are asked for: once for each machine."""


class Job(Protocol):
    """What a worker gets ready for: a pickle, that is opened once its machine is known to have the same versions."""

    def open(self, blobs: Blobs) -> AbstractContextManager[Callable[[Sequence[Any]], Any]]:
        """Get ready, and return the work on a batch of units. Raises :class:`OmzError`."""
        ...


@dataclass(frozen=True)
class Refused:
    """Work that no worker could do; the driver raises its ``error``."""

    error: OmzError


class RayWorker:
    """Actor: binds itself to processors, tells of its machine, opens a job, and then works."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._work: Callable[[Sequence[Any]], Any] | None = None

    def facts(self, place: int, count: int, packages: Sequence[str]) -> dict[str, str]:
        """Bind this process to the ``place``-th ``count`` of the processors, and return :func:`node_facts`."""
        bind(place, count)
        return node_facts(packages)

    def open(self, folder: str, job: bytes, blobs: Sequence[Any]) -> Refused | None:
        """Get ready for a pickled :class:`Job`, in the working directory of the driver."""
        import ray

        try:
            os.chdir(folder)
            opened = pickle.loads(job).open(lambda: tuple(ray.get([*blobs])))
            self._work = self._open.enter_context(opened)
        except OSError as error:
            return Refused(EngineError(f"{folder} is not there: {os_reason(error)}; all machines must share it"))
        except OmzError as error:
            return Refused(error)
        return None

    def work(self, units: Sequence[Any]) -> Any:
        """Return what the job makes of a batch, or :class:`Refused`."""
        assert self._work is not None
        try:
            return self._work(units)
        except OmzError as error:
            return Refused(error)

    def leave(self) -> None:
        """End this process at once; nobody gets an answer, and so the driver learns of the end."""
        os._exit(0)


def bind(place: int, count: int) -> None:
    """Bind this thread, and those it starts, to the ``place``-th ``count`` of the processors, if there are so many."""
    mine = usable_cpus()[place * count : (place + 1) * count]
    if len(mine) == count and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, mine)


def node_facts(packages: Sequence[str] = ()) -> dict[str, str]:
    """Return all of a machine that results depend on, by name; ``packages`` are those that not all jobs use."""
    facts = {name: _version(name) for name in (*_PACKAGES, *packages)}
    facts["Python"] = ".".join(map(str, sys.version_info[:2]))  # whose pickles travel
    facts["instructions"] = instruction_set()
    return facts


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Return in words which facts of a machine are not as ``expected``, and empty where all are."""
    parts = []
    for name, text in expected.items():
        other = found.get(name, "none")
        if other == text:
            continue
        if name == "instructions":
            parts.append(_changed(other, text))
        else:
            parts.append(f"{name} {other}, not {text}")
    return "; ".join(parts)


def _changed(found: str, expected: str) -> str:
    """Return which instructions a machine has more, and which it lacks."""
    there, asked = set(found.split()), set(expected.split())
    words = [f"+{word}" for word in sorted(there - asked)]
    words += [f"-{word}" for word in sorted(asked - there)]
    return " ".join(("other instructions:", *words))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
