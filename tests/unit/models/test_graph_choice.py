"""The graph of a rewritten model that runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.builders import save_brightness_model
from helpers.rewritten import pair, save_rewritten

from omz.convert.cache import cache_folder
from omz.errors import UsageError
from omz.models.graph_choice import measured_graphs
from omz.models.opening import OpenedModel, open_model
from omz.runtime.openvino_engine import Tuning
from omz.zoo.vocabulary import GRAPHS, Graph

SIZE = 64, 96


@pytest.fixture(scope="module")
def ir(tmp_path_factory) -> Path:
    return save_rewritten(tmp_path_factory.mktemp("rewritten") / "net.xml", *SIZE)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))


def turns(opened: OpenedModel) -> int:
    """Return how many loops over blocks are compiled: the sparse graph has them."""
    nodes = opened.engine.compiled.get_runtime_model().get_ops()
    return sum(node.get_rt_info()["layerType"].astype(str) == "TensorIterator" for node in nodes)


def matte(opened: OpenedModel) -> np.ndarray:
    return opened.engine.infer(dict(zip(("src", "bgr"), pair(1, *SIZE), strict=True)))["pha"]


def test_the_graph_that_is_asked_for_runs(ir):
    sparse, dense = (open_model(ir, tuning=Tuning(graph=graph)) for graph in GRAPHS)
    assert (sparse.graph, dense.graph) == GRAPHS
    assert turns(sparse) > turns(dense) == 0
    np.testing.assert_allclose(matte(sparse), matte(dense), rtol=0, atol=1e-4)
    assert not list(measured_graphs())


def test_else_the_faster_one_does_as_measured_once(ir):
    chosen = open_model(ir).graph
    (measured,) = measured_graphs()
    assert {*measured.milliseconds} == {*GRAPHS}
    assert chosen == measured.graph
    assert measured.inputs == ("src [1, 3, 64, 96]", "bgr [1, 3, 64, 96]")
    other: Graph = "dense" if chosen == "sparse" else "sparse"
    (place,) = (cache_folder() / "graphs").glob("*.json")
    place.write_text(json.dumps(json.loads(place.read_text()) | {"milliseconds": {chosen: 2.0, other: 1.0}}))
    assert open_model(ir, tuning=Tuning("throughput")).graph == other


def test_a_damaged_note_is_measured_anew(ir):
    open_model(ir)
    (place,) = (cache_folder() / "graphs").glob("*.json")
    place.write_text("{")
    assert not list(measured_graphs())
    assert open_model(ir).graph in GRAPHS
    assert len(list(measured_graphs())) == 1


def test_a_model_of_one_graph_has_none_to_choose(tmp_path):
    path = save_brightness_model(tmp_path / "one.xml", 32, 48)
    assert open_model(path).graph is None
    with pytest.raises(UsageError, match="leave --graph out"):
        open_model(path, tuning=Tuning(graph="dense"))
