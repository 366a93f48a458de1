from __future__ import annotations

import numpy as np
import pytest
from helpers.layers import small_cache
from helpers.rendering import needs_renderer

from omz.errors import ModelFileError
from omz.synthesis.layer_cache import CachePlan, LayerCache, fill, make_layer

PLAN = CachePlan(people=0, objects=2, plates=2, series="test")


def test_a_stopped_run_goes_on_and_makes_the_same(tmp_path):
    made = list(fill(tmp_path, PLAN, workers=1))
    assert sorted(made) == [("objects", 0), ("objects", 1), ("plates", 0), ("plates", 1)]
    lost = tmp_path / "objects" / "00001.jpg"
    before = lost.read_bytes()
    lost.unlink()
    assert list(fill(tmp_path, PLAN, workers=1)) == [("objects", 1)]
    assert lost.read_bytes() == before
    assert list(fill(tmp_path, PLAN, workers=1)) == []


def test_series_are_independent():
    train = make_layer("objects", 0, CachePlan(0, 1, 0, "train"))
    test = make_layer("objects", 0, CachePlan(0, 1, 0, "test"))
    assert train.alpha.shape != test.alpha.shape or not np.array_equal(train.alpha, test.alpha)


def test_layers_come_back_nearly_as_they_were(tmp_path):
    for _ in fill(tmp_path, PLAN, workers=1):
        pass
    cache = LayerCache(tmp_path, (0, 2, 2))
    made, read = make_layer("objects", 1, PLAN), cache.layer("objects", 3)  # numbers begin again
    np.testing.assert_array_equal(read.alpha, made.alpha)
    assert np.abs(read.colour.astype(int) - made.colour).mean() < 4


def test_a_folder_without_people_is_refused(tmp_path):
    small_cache(tmp_path / "cache")
    for path in (tmp_path / "cache" / "people").iterdir():
        path.unlink()
    with pytest.raises(ModelFileError, match=r"has no people.*omz\.cli\.render_layers"):
        LayerCache.open(tmp_path / "cache")


def test_a_damaged_layer_is_named(tmp_path):
    cache = small_cache(tmp_path / "cache")
    broken = tmp_path / "cache" / "people" / "00001.jpg"
    broken.write_bytes(b"not an image")
    with pytest.raises(ModelFileError, match=r"00001\.jpg is not an image"):
        cache.layer("people", 1)


@needs_renderer
@pytest.mark.slow
def test_people_are_rendered_by_several_processes_as_by_one(tmp_path):
    plan = CachePlan(people=2, objects=0, plates=0)
    for workers in (1, 2):
        for _ in fill(tmp_path / str(workers), plan, workers):
            pass
    for number in range(2):
        name = f"people/{number:05}.jpg"
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
