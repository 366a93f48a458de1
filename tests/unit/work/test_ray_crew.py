"""The crew of a Ray cluster, here of workers that have nothing to do."""

from __future__ import annotations

import time
from dataclasses import replace
from importlib.util import find_spec

import pytest

from omz.convert.cluster import ConversionJob
from omz.convert.jobs import Limits
from omz.work.dispatcher import Death, Dispatcher
from omz.work.ray_cluster import Place
from omz.work.ray_crew import JobForAll, RayCrew, ray_crew
from omz.work.ray_worker import node_facts

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
    told = []
    with ray_crew(Place(local=1), JobForAll(ConversionJob((), False, Limits())), told.append) as crew:
        wait_for_a_worker(crew)
        [worker] = crew.workers
        crew.end(worker)
        happened, end = [], time.monotonic() + LONG
        while not happened and time.monotonic() < end:
            happened = crew.wait(0.5)
        assert happened == [Death(worker)]
        assert worker not in crew.workers
        wait_for_a_worker(crew)
        assert len(crew.workers) == 1
    assert not told


def test_a_machine_has_no_room_for_units_that_together_ask_for_more_memory_than_it_has():
    given = JobForAll(ConversionJob((), False, Limits()), memory_of=int)
    with ray_crew(Place(local=2), given, lambda line: None) as crew:
        crew.wait_for_all()
        one, other = crew.workers
        assert crew.has_room(one, (1 << 60,))
        crew.send = lambda worker, units: None
        Dispatcher(crew, window=1)._hand_out(iter([1 << 20]))
        assert one.units == [1 << 20]
        assert crew.has_room(other, (1 << 20,))
        assert not crew.has_room(other, (1 << 60,))
        one.batches.clear()


def test_what_fits_a_larger_machine_alone_has_no_room_on_a_smaller_one():
    given = JobForAll(ConversionJob((), False, Limits()), memory_of=int)
    with ray_crew(Place(local=2), given, lambda line: None) as crew:
        crew.wait_for_all()
        small, large = crew.workers
        crew._actors[small].slot = replace(crew._actors[small].slot, node="small")
        crew._memory["small"] = 10
        assert crew.has_room(small, (10,))
        assert not crew.has_room(small, (11,))
        assert crew.has_room(large, (11,))
        assert crew.has_room(small, (1 << 60,))


def test_each_line_about_machines_is_told_once_at_the_start_or_at_the_end():
    told = []
    packages = ("a-package-that-is-nowhere",)
    given = JobForAll(ConversionJob((), False, Limits()), packages=packages, mixed=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("omz.work.ray_crew.node_facts", lambda names: node_facts(names) | {packages[0]: "1"})
        with ray_crew(Place(local=1), given, told.append) as crew:
            wait_for_a_worker(crew)
            [line] = told
            assert line.endswith("has a-package-that-is-nowhere none, not 1; its results may differ in their bytes")
            crew.warnings.append("a machine that came later")
    assert told == [line, "a machine that came later"]
