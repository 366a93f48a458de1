"""Units that a dispatcher hands to workers, which here live in this process, and die or hang as their units say."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

import pytest

from omz.errors import EngineError
from omz.work import dispatcher
from omz.work.dispatcher import WINDOW, Answer, Crew, Death, Dispatcher, Worker
from omz.work.units import Lost


class HereCrew(Crew[str, tuple[str, ...]]):
    """Workers that do the batches they have when somebody waits, one each in turn.

    ``poison`` kills a worker, ``hang`` keeps it until it is ended, ``late``, too, but is answered then, ``hang once``
    keeps the first worker that gets it, and ``machine gone`` ends one once, without blame.
    """

    def __init__(self, count: int) -> None:
        self._sent: dict[Worker[str], list[tuple[str, ...]]] = {}
        self._ended: list[Worker[str]] = []
        self.sent: list[tuple[str, ...]] = []
        self.most_waiting = self.started = 0
        self.gone = False
        self.hanging: Worker[str] | None = None
        for _ in range(count):
            self._start()

    @property
    def workers(self):
        return list(self._sent)

    def send(self, worker, units):
        self._sent[worker].append(units)
        self.sent.append(units)
        self.most_waiting = max(self.most_waiting, len(self._sent[worker]))

    def wait(self, seconds):
        if not self._sent:
            raise EngineError("no worker is left")
        happened = []
        for worker in self._ended:
            if self._sent[worker][:1] == [("late",)]:
                happened.append(Answer(worker, self._sent[worker].pop(0)))
            happened.append(self._die(worker))
        self._ended = []
        for worker in tuple(self._sent):
            batch = next(iter(self._sent[worker]), ())
            if "hang once" in batch and self.hanging in (None, worker):
                self.hanging = worker
            elif "poison" in batch:
                happened.append(self._die(worker))
            elif "machine gone" in batch and not self.gone:
                self.gone = True
                happened.append(self._die(worker, is_blameless=True))
            elif batch and not {"hang", "late"} & {*batch}:
                happened.append(Answer(worker, self._sent[worker].pop(0)))
        if not happened:
            time.sleep(seconds)
        return happened

    def end(self, worker):
        self._ended.append(worker)

    def _die(self, worker, is_blameless=False):
        del self._sent[worker]
        self._start()
        return Death(worker, is_blameless)

    def _start(self):
        self.started += 1
        self._sent[Worker(f"worker {self.started}")] = []


def run(crew: HereCrew, units: Iterable[str], batch: int = 1, limit: float | None = None, doubles: bool = False):
    """Return the units that ended, each as often as it did, and the problems of the others."""
    done, lost = Counter[str](), {}
    for result in Dispatcher(crew, batch, limit, doubles).run(units):
        if result is None:
            continue
        if isinstance(result, Lost):
            lost[result.unit] = result.problem
        else:
            done.update(result)
    return done, lost


NAMES = [f"{number}.png" for number in range(50)]


@pytest.mark.parametrize(("workers", "batch"), [(1, 1), (3, 8), (5, 50), (2, 16)])
def test_each_unit_is_done_once_in_batches_and_windows(workers, batch):
    crew = HereCrew(workers)
    done, lost = run(crew, NAMES, batch)
    assert done == Counter(NAMES)
    assert not lost
    assert max(map(len, crew.sent)) == batch
    assert crew.most_waiting <= WINDOW
    assert crew.started == workers


class SmallCrew(HereCrew):
    """Workers of one machine, whose room is 10; a unit is the room that it takes. Notes what was there together."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.together: list[list[int]] = []

    def _held(self) -> list[int]:
        return [int(unit) for worker in self.workers for unit in worker.units]

    def has_room(self, worker, units):
        held = self._held()
        return not held or sum(held) + sum(map(int, units)) <= 10

    def wait(self, seconds):
        self.together.append(self._held())
        return super().wait(seconds)


def test_units_that_need_more_than_a_machine_has_wait_for_each_other_and_one_that_never_fits_runs_alone():
    crew = SmallCrew(3)
    units = ["6", "7", "50", "3", "4", "2", "1"]
    results = list(Dispatcher(crew, window=1).run(iter(units)))
    assert Counter(unit for made in filter(None, results) for unit in made) == Counter(units)
    assert all(sum(held) <= 10 or held == [50] for held in crew.together)
    assert max(map(len, crew.together)) > 1


def test_a_long_unit_waits_behind_no_other_where_the_window_is_1():
    crew = HereCrew(3)
    results = list(Dispatcher(crew, window=1).run(NAMES))
    assert Counter(name for units in filter(None, results) for name in units) == Counter(NAMES)
    assert crew.most_waiting == 1


def test_units_are_taken_as_windows_have_room():
    taken = []

    def units():
        for name in NAMES:
            taken.append(name)
            yield name

    running = Dispatcher(HereCrew(2)).run(units())
    next(running)
    assert len(taken) == 2 * WINDOW
    running.close()


def test_a_unit_at_which_three_workers_die_is_set_aside_and_all_others_are_done():
    crew = HereCrew(2)
    done, lost = run(crew, [*NAMES[:20], "poison", *NAMES[20:]], batch=16)
    assert done == Counter(NAMES)
    assert lost == {"poison": "3 workers have died at it; leave it out"}
    assert crew.started == 2 + 3


def test_what_waits_behind_a_poison_has_no_blame():
    crew = HereCrew(1)
    done, lost = run(crew, ["poison", "a", "poison ", "b"])
    assert done == Counter({"a": 1, "poison ": 1, "b": 1})
    assert [*lost] == ["poison"]
    assert all(len(units) == 1 for units in crew.sent)


def test_a_unit_that_hangs_is_set_aside_after_its_time_by_itself():
    crew = HereCrew(2)
    started = time.monotonic()
    done, lost = run(crew, [*NAMES, "hang"], batch=4, limit=0.05)
    assert done == Counter(NAMES)
    assert lost == {"hang": "it took longer than 0.05 s; raise --timeout, or leave it out"}
    assert time.monotonic() - started > 0.05 * 3 + 0.05  # its batch of three, then alone
    assert crew.started == 2 + 2


def test_a_worker_that_answers_as_it_is_ended_is_buried():
    crew = HereCrew(2)
    done, lost = run(crew, ["late", *NAMES], limit=0.05)
    assert done == Counter(NAMES)
    assert [*lost] == ["late"]
    assert crew.started == 2 + 1


def test_the_end_of_a_machine_is_no_blame():
    crew = HereCrew(2)
    done, lost = run(crew, ["machine gone", *NAMES], batch=8)
    assert done == Counter(["machine gone", *NAMES])
    assert not lost
    assert not any(len(units) == 1 for units in crew.sent[:-1])


def test_results_that_were_there_when_nobody_listened_anymore_are_kept():
    executor = Dispatcher(HereCrew(3))
    running = executor.run(NAMES)
    first = next(running)
    running.close()
    rest = [*executor.rest()]
    assert [first, *rest] == [(name,) for name in NAMES[:3]]
    assert not [*executor.rest()]


def test_an_error_after_which_nobody_is_left_is_raised():
    crew = HereCrew(0)
    with pytest.raises(EngineError, match="no worker is left"):
        run(crew, NAMES)


def test_no_units_need_no_worker_to_answer():
    assert run(HereCrew(1), []) == (Counter(), {})


def test_a_run_that_waits_can_be_closed():
    running = Dispatcher(HereCrew(1)).run(["hang"])
    assert next(running) is None
    running.close()


def test_a_run_that_is_closed_early_leaves_nothing_to_the_next_one():
    crew = HereCrew(3)
    running = Dispatcher(crew).run(NAMES)
    next(running)
    running.close()
    done, lost = run(crew, ["next"])
    assert (done, lost) == (Counter(["next"]), {})


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(dispatcher, "_LEAST", 0.05)
    monkeypatch.setattr(dispatcher, "_POLL", 0.06)


@pytest.mark.parametrize("batch", [1, 4])
def test_what_takes_very_long_and_what_waits_behind_it_runs_twice_near_the_end(impatient, batch):
    crew = HereCrew(3)
    done, lost = run(crew, ["hang once", *NAMES], batch, doubles=True)
    assert done == Counter(["hang once", *NAMES])
    assert not lost
    assert crew.hanging not in crew.workers  # it was ended, and replaced
    assert crew.started == 3 + 1
    sent = Counter(name for units in crew.sent for name in units)
    assert sent["hang once"] == 2


def test_what_ran_twice_runs_once_more_where_the_second_worker_is_lost(impatient):
    crew = HereCrew(3)
    slow = ("hang once", "machine gone")
    running = Dispatcher(crew, batch=2, doubles=True).run([*slow, *NAMES])
    found = [next(running, None) for _ in range(60)]
    running.close()
    assert slow in found
    assert crew.gone
    assert crew.sent.count(slow) == 3


def test_what_kills_workers_beside_one_that_hangs_kills_no_more_than_the_most(impatient):
    crew = HereCrew(3)
    slow = ("hang once", "poison")
    running = Dispatcher(crew, batch=2, doubles=True).run([*slow, *NAMES])
    found = [next(running, None) for _ in range(60)]
    running.close()
    assert len([each for each in found if each]) == len(NAMES) // 2
    assert crew.sent.count(slow) == 1 + 2


def test_nothing_runs_twice_where_that_is_not_wanted(impatient):
    crew = HereCrew(3)
    running = Dispatcher(crew).run(["hang once", *NAMES])
    found = [next(running) for _ in range(60)]
    running.close()
    assert len([each for each in found if each]) == len(NAMES) - 1  # one waits behind the one that hangs
    assert max(Counter(name for units in crew.sent for name in units).values()) == 1


@pytest.mark.parametrize(
    ("unit", "problem"), [("hang", "it took longer than 0.2 s"), ("poison", "3 workers have died")]
)
def test_what_ends_workers_is_set_aside_once_though_it_ran_twice(impatient, unit, problem):
    crew = HereCrew(3)
    done, lost = run(crew, [unit, *NAMES], limit=0.2, doubles=True)
    assert done == Counter(NAMES)
    assert [*lost] == [unit]
    assert lost[unit].startswith(problem)
