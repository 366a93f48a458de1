"""Where else results can go than a folder that cannot be written."""

from __future__ import annotations

import pytest

from omz.convert.cache import another_place


@pytest.mark.parametrize("absolute", [True, False])
def test_folders_of_the_user_are_moved_by_their_variables_and_any_other_by_its_flag(tmp_path, monkeypatch, absolute):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache") if absolute else "cache")
    monkeypatch.setenv("OMZ_HOME", str(tmp_path / "home") if absolute else "home")
    inside = tmp_path / "cache" / "ir" / "net"
    assert another_place(inside, "convert to") == "set OMZ_CACHE_DIR to a folder that can be written"
    at_home = another_place(tmp_path / "home" / "public", "convert to")
    assert at_home == "set OMZ_HOME to a folder that can be written, or convert to another folder"
    for outside in (tmp_path / "ir", tmp_path / "cache2", tmp_path):
        assert another_place(outside, "convert to") == "convert to another folder"
