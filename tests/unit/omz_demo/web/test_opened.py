"""Models that stay open while the page runs."""

from __future__ import annotations

import pytest
from helpers.builders import save_difference_model

pytest.importorskip("gradio")

from omz.cutout.in_memory import ModelInMemory
from omz.cutout.observer import Observer
from omz.errors import EngineError
from omz_demo.lazy_model import LazyModel
from omz_demo.web.opened import OpenModels
from omz_demo.web.settings import read_settings

NAMES = ("a.xml", "b.xml", "c.xml", "d.xml")


def test_a_model_that_fails_late_leaves_the_one_that_has_taken_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        save_difference_model(tmp_path / name, "height", "width")
    models, meanwhile = OpenModels(read_settings({}), Observer()), list[ModelInMemory]()
    usual = LazyModel.opened

    def opened(model: LazyModel) -> ModelInMemory:
        if meanwhile or model.name != "d":
            return usual(model)
        meanwhile.append(usual(model))
        meanwhile.extend(models.opened(name, "CPU", "f32") for name in NAMES)  # so many that the first one is closed
        raise EngineError("no memory was left")

    monkeypatch.setattr(LazyModel, "opened", opened)
    with pytest.raises(EngineError):
        models.opened("d.xml", "CPU", "f32")
    assert models.opened("d.xml", "CPU", "f32") is meanwhile[-1]
    assert meanwhile[-1] is not meanwhile[0]
