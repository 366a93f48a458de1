"""Cluster: the frames of an evaluation on the machines of a Ray cluster, or on workers of this one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.datasets.sample import Dataset
from omz.accuracy.frame_work import FramesMade, FrameUnit, FrameWork
from omz.accuracy.labels import bare
from omz.accuracy.provenance import PACKAGES, depends_on_files, model_files
from omz.accuracy.request import EvaluationObserver
from omz.accuracy.setup import EvaluationPart, EvaluationSetup
from omz.errors import EngineError
from omz.processor import usable_cpus
from omz.work.dispatcher import WINDOW, Crew, Dispatcher
from omz.work.ray_cluster import read_place
from omz.work.ray_crew import JobForAll, ray_crew
from omz.work.ray_worker import Blobs
from omz.work.units import Executor

_MOST = 16  # frames of a batch
_ROUNDS = 2  # windows that each worker gets in a job of few frames
_LOOKED_AT = 1000  # files of a dataset that workers look for


@dataclass(frozen=True)
class EvaluationJob:
    """An evaluation, as its workers have to know it.

    ``irs`` are the files of variants by label, ``models`` the digests of all their files, and ``stamps`` tell some of
    the dataset's files from others.
    """

    part: EvaluationPart
    pairs: tuple[Pair, ...]
    irs: Mapping[str, Path]
    models: Mapping[str, Sequence[str]]
    stamps: str

    @contextmanager
    def open(self, blobs: Blobs) -> Iterator[Callable[[Sequence[Any]], Any]]:
        """Load the variants, and give the work; see :class:`omz.work.ray_worker.Job`."""
        for path in self.irs.values():
            if not path.is_file():
                raise EngineError(f"{path} is not there; all machines must share the models, as with --model_dir")
        os.environ["OMP_NUM_THREADS"] = str(self.part.threads)  # of MindSpore, before it is loaded
        setup = self.part.load(EvaluationObserver(), self.irs)
        if _digests(setup) != self.models:
            told = "its models differ from those of the driver"
            raise EngineError(f"{told}; all machines must share them, as with --model_dir")
        if _stamps(setup.dataset) != self.stamps:
            told = f"{setup.dataset.title}: its files differ from those of the driver"
            raise EngineError(f"{told}; all machines must share them")
        work = FrameWork(setup, self.pairs)

        def made(units: Sequence[FrameUnit]) -> FramesMade:
            results: dict[int, FrameResult] = {}
            for each in work.run(units):
                assert isinstance(each, FramesMade)
                results.update(each.results)
            return FramesMade(results)

        yield made


def job_of(setup: EvaluationSetup, pairs: Sequence[Pair]) -> EvaluationJob:
    """Return a loaded evaluation as its workers have to know it."""
    irs = dict[str, Path]()
    for label, variant in setup.variants.items():
        if variant.files:
            irs[bare(label)] = variant.files[0]
    part = replace(setup.part, threads=len(usable_cpus()))  # here; workers may have fewer
    return EvaluationJob(part, tuple(pairs), irs, _digests(setup), _stamps(setup.dataset))


@contextmanager
def open_cluster(
    setup: EvaluationSetup, pairs: Sequence[Pair], count: int, observer: EvaluationObserver
) -> Iterator[Executor[FrameUnit, FramesMade]]:
    """Start the workers that a request asks for, and give the executor of ``count`` units.

    Raises :class:`omz.errors.OmzError`.
    """
    request, job = setup.request, job_of(setup, pairs)
    place, given = read_place(str(request.cluster)), JobForAll(job, packages=PACKAGES)
    with ray_crew(place, given, observer.on_warning) as crew:
        batch, window = 1, 1  # clips are long
        if not setup.remembers:
            batch, window = max(1, min(_MOST, count // (_ROUNDS * WINDOW * max(1, crew.size)))), WINDOW
        workers: Crew[FrameUnit, FramesMade] = crew
        yield Dispatcher(workers, batch, request.timeout, doubles=True, window=window)


def _digests(setup: EvaluationSetup) -> dict[str, list[str]]:
    digests = {}
    for label, variant in setup.variants.items():
        digests[label] = [file.sha256 for file in model_files(variant.files)]
    return digests


def _stamps(dataset: Dataset) -> str:
    """Return what tells the files of a dataset from others, of up to :data:`_LOOKED_AT` frames all over it."""
    entries = dataset.entries
    return depends_on_files(entries[:: 1 + len(entries) // _LOOKED_AT])
