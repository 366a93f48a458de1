"""Pickles and copies: a model is its recipe, a result its arrays."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from helpers.builders import save_brightness_model, save_difference_model

import omz
from omz.errors import EngineError

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_mattes_alike(tmp_path, monkeypatch, again):
    save_brightness_model(tmp_path / "brightness.xml", "height", "width")
    monkeypatch.chdir(tmp_path)
    model = omz.MattingModel("brightness.xml", precision="f32", input_size=(20, 30), activation="none")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    other = again(model)
    assert other is not model
    np.testing.assert_array_equal(other(IMAGE).alpha, model(IMAGE).alpha)
    np.testing.assert_array_equal(again(other)(IMAGE).alpha, model(IMAGE).alpha)


def test_a_pickle_holds_no_weights(tmp_path):
    path = save_difference_model(tmp_path / "difference.xml", "height", "width")
    assert len(pickle.dumps(omz.MattingModel(path))) < 1000
    assert len(pickle.dumps(omz.MattingModel())) < 1000


def test_a_pickle_of_a_model_that_is_gone_says_so(tmp_path):
    path = save_brightness_model(tmp_path / "brightness.xml", 8, 8)
    pickled = pickle.dumps(omz.MattingModel(path))
    path.unlink()
    with pytest.raises(EngineError, match="no model at"):
        pickle.loads(pickled)


def test_a_kind_of_model_stays_that_kind(tmp_path):
    model = _Kind(save_brightness_model(tmp_path / "brightness.xml", 8, 8))
    assert type(pickle.loads(pickle.dumps(model))) is _Kind


class _Kind(omz.MattingModel):
    pass


@pytest.mark.parametrize("again", [copy.deepcopy, lambda matte: pickle.loads(pickle.dumps(matte))])
def test_a_result_is_its_arrays(tmp_path, again):
    matte = omz.MattingModel(save_brightness_model(tmp_path / "brightness.xml", "height", "width"))(IMAGE)
    other = again(matte)
    for name in ("alpha", "foreground", "trimap"):
        np.testing.assert_array_equal(getattr(other, name), getattr(matte, name))
    np.testing.assert_array_equal(other.cutout(), matte.cutout())
