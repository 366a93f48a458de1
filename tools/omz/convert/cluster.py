"""Cluster: conversions on the machines of a Ray cluster, or on workers of this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from omz.convert.jobs import ConversionMade, ConversionProcesses, ConversionUnit, Limits
from omz.convert.plan import ConversionPlan
from omz.work.dispatcher import Crew, Dispatcher
from omz.work.ray_cluster import read_place
from omz.work.ray_crew import JobForAll, ray_crew
from omz.work.ray_worker import Blobs
from omz.work.shared_folder import SharedFolder, shared_folder
from omz.work.units import Executor

_PACKAGES = ("onnx", "onnxruntime", "torch", "safetensors", "mindspore", "nncf")
"""Packages that IRs, and what is said of them, depend on."""


@dataclass(frozen=True)
class ConversionJob:
    """Conversions, as workers have to know them: the folders that all share, and what each may take."""

    folders: tuple[SharedFolder, ...]
    force: bool
    limits: Limits

    @contextmanager
    def open(self, blobs: Blobs) -> Iterator[Callable[[Sequence[Any]], Any]]:
        """Check the folders, and give the work; see :class:`omz.work.ray_worker.Job`."""
        for folder in self.folders:
            folder.check()
        processes = ConversionProcesses(self.force, self.limits)
        try:
            yield lambda units: processes.made(*units)
        finally:
            processes.close()


@contextmanager
def open_cluster(
    place: str, plans: Sequence[ConversionPlan], force: bool, limits: Limits, warn: Callable[[str], None]
) -> Iterator[Executor[ConversionUnit, ConversionMade]]:
    """Start workers at a ``place``, and give the executor; ``warn`` gets lines about machines.

    A conversion is a batch of its own, and runs in an isolated process of its worker's machine.
    Raises :class:`omz.errors.OmzError`.
    """
    with ExitStack() as stack:
        outputs = dict.fromkeys(plan.output_dir for plan in plans)
        folders = tuple(stack.enter_context(shared_folder(folder)) for folder in outputs)
        job = ConversionJob(folders, force, limits)
        given = JobForAll(job, packages=_PACKAGES, memory_of=lambda unit: limits.usual_for(unit.plan))
        workers: Crew[ConversionUnit, ConversionMade] = stack.enter_context(ray_crew(read_place(place), given, warn))
        yield Dispatcher(workers, window=1)
