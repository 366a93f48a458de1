"""Connection to a Ray cluster, or to one that is started on this machine for a run."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from omz.errors import EngineError, UsageError, first_line
from omz.extras import import_extra, require
from omz.processor import usable_cpus

_LOCAL = re.compile(r"local(?:\[(?P<workers>[1-9]\d*)\])?")
_STORE = 100 << 20  # bytes of the object store of a local cluster: paths travel, and no pixels
_SETTINGS: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what Ray would print to standard output of workers that died
}
_QUIET: Mapping[str, Any] = {"log_to_driver": False, "configure_logging": False}
_ATTEMPTS = 3  # to start Ray, which gives its processes 30 seconds, and a busy machine may need longer
_CPUS = 4
"""Processors of a worker; a machine with fewer gets one worker."""


@dataclass(frozen=True)
class Place:
    """Where a cluster is: ``address`` is that of its head, or ``auto``; ``local``: here, with so many workers."""

    address: str = "auto"
    local: int | None = None


@dataclass(frozen=True)
class Slot:
    """Place for a worker: the ``index``-th of its machine.

    Ray counts its ``cpus``; ``bound`` of the processors are its own.
    """

    node: str
    index: int
    cpus: int
    bound: int


def read_place(text: str) -> Place:
    """Return the place of ``auto``, an address, or ``local[N]``. Raises :class:`UsageError`."""
    found = _LOCAL.fullmatch(text)
    if found is not None:
        return Place(local=int(found["workers"] or max(1, len(usable_cpus()) // _CPUS)))
    if text.startswith("ray://"):
        raise UsageError(f"{text} is for remote clients; run the command on a machine of the cluster, and write auto")
    if text == "auto" or re.fullmatch(r"[^\s:/]+:\d+", text):
        return Place(text)
    raise UsageError(f"{text!r} is no cluster; write auto, the HOST:PORT of its head, or local[N]")


def check_cluster(text: str) -> None:
    """Check a place, and that Ray is installed, without importing it.

    Raises :class:`UsageError` for a text that is no place, and :class:`EngineError` without Ray.
    """
    read_place(text)
    require("ray")


@contextmanager
def connected(place: Place) -> Iterator[ModuleType]:
    """Connect this process to a cluster, and give the module ``ray``; a local cluster ends with the block.

    Raises :class:`EngineError` where Ray is missing, or there is no cluster.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    ray = import_extra("ray")
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if place.local:
        _start(ray, place.local)
    else:
        _join(ray, place.address)
    try:
        yield ray
    finally:
        ray.shutdown()


def _join(ray: ModuleType, address: str) -> None:
    try:
        ray.init(address=address, **_QUIET)
    except Exception as error:  # Ray raises anything
        remedy = "start it with ray start, and name its address"
        raise EngineError(f"there is no cluster at {address}: {first_line(error)}; {remedy}") from error


def _start(ray: ModuleType, workers: int) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            ray.init("local", num_cpus=workers, object_store_memory=_STORE, include_dashboard=False, **_QUIET)
            return
        except Exception as error:
            ray.shutdown()
            if attempt == _ATTEMPTS:
                raise EngineError(f"Ray does not start here: {first_line(error)}; try again") from error


def slots_of(node: Mapping[str, object], place: Place, is_whole: bool = False) -> tuple[Slot, ...]:
    """Return the places for workers of a machine, as Ray describes it; one with all its processors if ``is_whole``."""
    name, resources = str(node["NodeID"]), node["Resources"]
    assert isinstance(resources, Mapping)
    cpus = int(resources.get("CPU", 0))
    if place.local:
        return tuple(Slot(name, index, 1, max(1, len(usable_cpus()) // place.local)) for index in range(place.local))
    count = min(cpus, 1 if is_whole else max(1, cpus // _CPUS))
    return tuple(Slot(name, index, cpus // count, cpus // count) for index in range(count))
