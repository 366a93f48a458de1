"""The crew of a Ray cluster, here of workers that have nothing to do."""

from __future__ import annotations

import time
from importlib.util import find_spec

import pytest

from omz.convert.cluster import ConversionJob
from omz.convert.jobs import Limits
from omz.work.dispatcher import Death
from omz.work.ray_cluster import Place
from omz.work.ray_crew import JobForAll, RayCrew, ray_crew

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]

LONG = 600.0


def wait_for_a_worker(crew: RayCrew) -> None:
    end = time.monotonic() + LONG
    while not crew.workers and time.monotonic() < end:
        crew.wait(0.5)


def test_the_death_of_a_worker_that_was_ended_is_told_though_no_call_of_it_was_open():
    with ray_crew(Place(local=1), JobForAll(ConversionJob((), False, Limits()))) as crew:
        wait_for_a_worker(crew)
        [worker] = crew.workers
        crew.end(worker)
        told, end = [], time.monotonic() + LONG
        while not told and time.monotonic() < end:
            told = crew.wait(0.5)
        assert told == [Death(worker)]
        assert worker not in crew.workers
        wait_for_a_worker(crew)
        assert len(crew.workers) == 1
