"""What is said of a cluster, and read from what Ray says of its machines."""

from __future__ import annotations

import pytest

from omz.errors import EngineError, UsageError
from omz.processor import usable_cpus
from omz.work.ray_cluster import Place, check_cluster, read_place, slots_of
from omz.work.ray_worker import differences, node_facts


def node(cpus: float | None) -> dict[str, object]:
    resources = {"memory": 1e9} if cpus is None else {"memory": 1e9, "CPU": cpus}
    return {"NodeID": "abc", "Resources": resources}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("auto", Place("auto")),
        ("10.0.0.1:6379", Place("10.0.0.1:6379")),
        ("head.cluster:6379", Place("head.cluster:6379")),
        ("local[3]", Place(local=3)),
    ],
)
def test_a_place_is_read(text, place):
    assert read_place(text) == place


def test_local_alone_has_at_least_one_worker():
    assert read_place("local").local == max(1, len(usable_cpus()) // 4)


@pytest.mark.parametrize("text", ["", "local[0]", "local[x]", "ray://head:10001", "head", "http://head:8265", "a b:1"])
def test_other_texts_are_refused(text):
    with pytest.raises(UsageError):
        read_place(text)


def test_a_cluster_needs_a_place_and_ray(monkeypatch):
    monkeypatch.setattr("omz.extras.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="'nowhere' is no cluster"):
        check_cluster("nowhere")
    with pytest.raises(EngineError, match="Ray is not installed"):
        check_cluster("auto")


@pytest.mark.parametrize(
    ("cpus", "expected"), [(None, []), (0, []), (1, [1]), (3, [3]), (4, [4]), (8, [4, 4]), (10, [5, 5]), (64, [4] * 16)]
)
def test_a_machine_has_a_worker_for_every_four_processors(cpus, expected):
    slots = slots_of(node(cpus), Place("auto"))
    assert [slot.cpus for slot in slots] == [slot.bound for slot in slots] == expected
    assert [slot.index for slot in slots] == [*range(len(expected))]


@pytest.mark.parametrize(("cpus", "expected"), [(None, []), (0, []), (1, [1]), (10, [10]), (64, [64])])
def test_a_whole_machine_has_one_worker_with_all_processors(cpus, expected):
    slots = slots_of(node(cpus), Place("auto"), is_whole=True)
    assert [slot.cpus for slot in slots] == [slot.bound for slot in slots] == expected


def test_workers_of_a_local_cluster_share_the_processors():
    count = len(usable_cpus())
    slots = slots_of(node(2), Place(local=2))
    assert [slot.cpus for slot in slots] == [1, 1]
    assert [slot.bound for slot in slots] == [max(1, count // 2)] * 2


def test_machines_that_are_alike_do_not_differ():
    assert not differences(node_facts(), node_facts())


def test_differences_are_named():
    expected = {"openvino": "2026.1.0", "Python": "3.11", "instructions": "x86_64 avx avx2"}
    found = {"openvino": "2025.4.0", "Python": "3.11", "instructions": "x86_64 avx avx512f"}
    assert differences(found, expected) == "openvino 2025.4.0, not 2026.1.0; other instructions: +avx512f -avx2"
    assert differences({}, {"openvino": "2026.1.0"}) == "openvino none, not 2026.1.0"
