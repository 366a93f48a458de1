"""A folder that machines share, and one that only has the same name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omz.errors import EngineError
from omz.work import shared_folder
from omz.work.shared_folder import PREFIX


def test_a_folder_is_known_while_the_driver_holds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_folder, "_LATE", 0.2)
    with shared_folder.shared_folder(tmp_path / "deep" / "out") as folder:
        folder.check()
        with pytest.raises(EngineError, match="is another folder here; all machines must share it"):
            replace(folder, probe=f"{PREFIX}another").check()
    with pytest.raises(EngineError, match="is another folder here"):
        folder.check()
    assert not [*tmp_path.rglob(f"{PREFIX}*")]


def test_runs_on_one_folder_keep_each_others_files_and_remove_those_of_killed_ones(tmp_path):
    killed = tmp_path / f"{PREFIX}killed"
    killed.touch()
    with shared_folder.shared_folder(tmp_path) as one:
        assert not killed.exists()
        with shared_folder.shared_folder(tmp_path) as other:
            assert one.probe != other.probe
            one.check()
            other.check()
        one.check()
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(EngineError, match=r"out cannot be written: .*; choose another place"),
        shared_folder.shared_folder(tmp_path / "file" / "out"),
    ):
        pass
