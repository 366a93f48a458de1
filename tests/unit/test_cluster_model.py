"""The model of a job on up to 1,000 machines, by what must hold whatever the costs are."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from cluster_model import MACHINES, PICTURES, Costs, table

COSTS = Costs(unit=0.4, commit=0.002, driver=0.0005, workers=4, size=1.5e6, network=1.25e9, disk=5e9)
INFINITE = float("inf")


def some_costs() -> list[Costs]:
    chance = random.Random(24)

    def about(value: float) -> float:
        return value * 10 ** chance.uniform(-2, 2)

    given = (COSTS.unit, COSTS.commit, COSTS.driver, COSTS.size, COSTS.network, COSTS.disk)
    found = []
    for _ in range(50):
        unit, commit, driver, size, network, disk = map(about, given)
        found.append(Costs(unit, commit, driver, chance.randint(1, 16), size, network, disk))
    return found


@pytest.mark.parametrize("costs", some_costs())
def test_more_machines_are_never_slower_and_never_more_than_so_many_times_as_fast(costs):
    rates = [costs.rate(machines) for machines in MACHINES]
    assert rates == sorted(rates)
    efficiencies = [costs.efficiency(machines) for machines in MACHINES]
    assert efficiencies[0] == 1
    assert all(later <= before * (1 + 1e-9) for before, later in pairwise(efficiencies))


@pytest.mark.parametrize("costs", some_costs())
def test_no_stage_does_more_than_it_can_and_the_one_that_is_named_does_all_it_can(costs):
    for machines in MACHINES:
        rate = costs.rate(machines)
        seconds = {
            "workers": rate * (costs.unit + costs.commit) / (machines * costs.workers),
            "network": rate * costs.size / (machines * costs.network),
            "shared disk": rate * costs.size / costs.disk,
            "driver": rate * costs.driver,
        }
        assert max(seconds.values()) == pytest.approx(1)
        assert seconds[costs.limit(machines)] == pytest.approx(1)


def test_one_machine_does_what_its_workers_do():
    assert COSTS.rate(1) == pytest.approx(4 / 0.402)
    assert COSTS.limit(1) == "workers"


def test_the_driver_is_the_limit_of_very_many_machines():
    costs = replace(COSTS, network=INFINITE, disk=INFINITE)
    assert costs.rate(10**6) == costs.rate(10**7) == pytest.approx(2000)
    assert costs.limit(10**6) == "driver"
    assert replace(COSTS, disk=1e9).limit(10**6) == "shared disk"
    assert replace(COSTS, network=1e6).limit(1) == "network"


def test_the_table_has_hours_of_the_plan_and_of_the_pictures():
    head, _, first, *_, last = table(COSTS, 0.001)
    assert head.count("|") == first.count("|") == last.count("|")
    cells = [cell.strip() for cell in first.strip("|").split("|")]
    expected = PICTURES * (0.001 + 0.402 / 4) / 3600
    assert float(cells[2].replace(",", "")) == pytest.approx(expected, abs=0.05)
    assert last.startswith("| 1000 |")
