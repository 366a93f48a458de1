"""``python -m omz.cli.render_layers``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.rendering import needs_renderer

from omz.cli.render_layers import main
from omz.synthesis.layer_cache import LayerCache
from omz.synthesis.staged_scene import StagedScenes


@needs_renderer
@pytest.mark.slow
def test_layers_are_made_once_and_scenes_are_composed_of_them(tmp_path):
    folder = tmp_path / "layers"
    command = ["-o", str(folder), "--people", "2", "--objects", "1", "--plates", "1", "--workers", "1"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert f"layers: {folder}" in result.output
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    assert CliRunner().invoke(main, command).exit_code == 0
    assert times == {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    scene = StagedScenes(LayerCache.open(folder))(0, 1, (120, 160))
    assert scene.image.shape == (120, 160, 3)
    assert len(np.unique(scene.alpha)) > 2


def test_a_missing_extra_is_one_line(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr("omz.extras.find_spec", lambda name: None if name == "anny" else found(name))
    result = CliRunner().invoke(main, ["-o", str(tmp_path / "layers")])
    assert result.exit_code == 1
    assert result.stderr.strip().count("\n") == 0
    assert "anny is not installed; install it with pip install '.[training]'" in result.stderr
    assert not Path(tmp_path / "layers").exists()
