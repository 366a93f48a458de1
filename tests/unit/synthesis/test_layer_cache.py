from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from helpers.layers import small_cache
from helpers.rendering import needs_renderer

from omz.errors import EngineError, ModelFileError, UsageError
from omz.synthesis import layer_cache
from omz.synthesis.layer_cache import PLAN as NOTE
from omz.synthesis.layer_cache import CachePlan, LayerCache, fill, make_layer
from omz.synthesis.people.assets import suits

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


def filled(folder, plan):
    return list(fill(folder, plan, workers=1))


def test_a_plan_may_grow(tmp_path):
    filled(tmp_path, replace(PLAN, plates=0, objects=1))
    assert filled(tmp_path, replace(PLAN, plates=0)) == [("objects", 1)]


def test_layers_of_another_plan_are_not_taken(tmp_path):
    views = tmp_path / "views"
    views.mkdir()
    (views / "hall.jpg").write_bytes(b"one")
    plan = replace(PLAN, plates=0, objects=0, panoramas=views)
    cache = tmp_path / "cache"
    filled(cache, plan)
    moved = views.rename(tmp_path / "moved")  # the same panoramas, wherever they lie
    plan = replace(plan, panoramas=moved)
    filled(cache, plan)
    with pytest.raises(ModelFileError, match=r"cache has layers made with other --series; .*choose another folder"):
        filled(cache, replace(plan, series="train"))
    with pytest.raises(ModelFileError, match="other --series, --panoramas;"):
        filled(cache, replace(plan, series="train", panoramas=None))
    (moved / "hall.jpg").write_bytes(b"two")
    with pytest.raises(ModelFileError, match="other --panoramas;"):
        filled(cache, plan)


def test_other_clothes_are_another_plan(tmp_path):
    suit = tmp_path / "clothes" / "suit.mhclo"
    suit.parent.mkdir()
    suit.write_text("verts 0")
    plan = replace(PLAN, plates=0, objects=0, assets=suit.parent)
    with pytest.raises(ModelFileError, match=r"suit\.obj cannot be read"):
        plan.identity()
    suit.with_suffix(".obj").write_text("v 0 0 0")
    filled(tmp_path / "cache", plan)
    suit.with_suffix(".obj").write_text("v 0 0 1")
    suits.cache_clear()
    with pytest.raises(ModelFileError, match="other --makehuman;"):
        filled(tmp_path / "cache", plan)


@pytest.mark.parametrize(
    ("content", "told"), [(None, "but no plan.json that says"), ("{", "damaged"), ("[]", "damaged")]
)
def test_layers_of_an_unknown_plan_are_not_taken(tmp_path, content, told):
    cache = small_cache(tmp_path / "cache")
    note = cache.folder / NOTE
    note.unlink()
    if content is not None:
        note.write_text(content)
    with pytest.raises(ModelFileError, match=f"{told}.*; choose another folder, or remove this one"):
        filled(cache.folder, PLAN)
    with pytest.raises(ModelFileError, match=told):
        _ = cache.identity


def test_the_identity_of_a_cache_is_that_of_its_layers(tmp_path):
    one, other = small_cache(tmp_path / "one"), small_cache(tmp_path / "other")
    assert one.identity == other.identity
    assert one.identity != LayerCache(one.folder, (3, 3, 2)).identity
    note = other.folder / NOTE
    note.write_text(note.read_text().replace("small", "large"))
    assert one.identity != other.identity


def test_folders_without_a_file_of_use_are_refused(tmp_path):
    (tmp_path / "note.txt").write_text("no panorama, and no outfit")
    for plan, told in (
        (replace(PLAN, panoramas=tmp_path), "has no panoramas .*--panoramas"),
        (replace(PLAN, assets=tmp_path), "has no outfits .*--makehuman"),
    ):
        with pytest.raises(UsageError, match=told):
            filled(tmp_path / "cache", plan)
    assert not (tmp_path / "cache").exists()


def test_a_process_that_ends_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(layer_cache, "_alone", partial(os._exit, 9))  # as one that the system kills
    with pytest.raises(EngineError, match=r"a process that makes layers ended; try fewer --workers"):
        filled(tmp_path, PLAN)


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
