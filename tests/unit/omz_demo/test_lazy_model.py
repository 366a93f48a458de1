"""Models that stay open: one that cannot be opened is a fault of the service, and not tried again at once."""

from __future__ import annotations

import gc
import weakref

import pytest
from helpers.demo_command import write_pair

pytest.importorskip("fastapi")

from omz.cutout.observer import Observer
from omz.errors import OmzError
from omz_demo import lazy_model
from omz_demo.lazy_model import LazyModel
from omz_demo.serve.answers import answer_of
from omz_demo.serve.settings import read_settings


@pytest.fixture
def damaged(tmp_path, monkeypatch) -> LazyModel:
    monkeypatch.chdir(write_pair(tmp_path))
    (tmp_path / "model.xml").write_text("<net/>")
    return LazyModel(read_settings({}).options_of({"model": "model.xml"}), Observer())


class Content:
    """Stands for what a request has."""


def failure(model: LazyModel, content: Content) -> OmzError:
    with pytest.raises(OmzError) as caught:
        model.opened()
    assert content
    return caught.value


def test_a_failure_is_told_to_all_and_keeps_nothing_of_their_requests(damaged):
    told, contents = set(), []
    for _ in range(3):
        content = Content()
        error = failure(damaged, content)
        told.add(str(error))
        assert answer_of(error).status_code == 503
        contents.append(weakref.ref(content))
        del content, error
    gc.collect()
    assert len(told) == 1
    assert damaged.state.error in told
    assert damaged.state.state == "failed"
    assert [each() for each in contents] == [None] * 3


def test_it_is_tried_again_later(damaged, tmp_path, monkeypatch):
    failure(damaged, Content())
    write_pair(tmp_path)
    failure(damaged, Content())
    monkeypatch.setattr(lazy_model, "_PATIENCE", 0.0)
    assert damaged.opened().takes_plate
    assert damaged.state.state == "ready"
