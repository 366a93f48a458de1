"""Where else results can go than a folder that cannot be written."""

from __future__ import annotations

import pytest

from omz.convert.cache import another_place


@pytest.mark.parametrize("absolute", [True, False])
def test_the_cache_is_moved_by_its_variable_and_any_other_folder_by_its_flag(tmp_path, monkeypatch, absolute):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache") if absolute else "cache")
    inside = tmp_path / "cache" / "ir" / "net"
    assert another_place(inside, "convert to") == "set OMZ_CACHE_DIR to a folder that can be written"
    for outside in (tmp_path / "ir", tmp_path / "cache2", tmp_path):
        assert another_place(outside, "convert to") == "convert to another folder"
