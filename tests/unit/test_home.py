from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import platformdirs
import pytest

from omz.home import can_write, home_folder, is_offline, system_folder


def test_the_models_folder_is_that_of_the_environment_or_the_system(monkeypatch, tmp_path):
    monkeypatch.setenv("OMZ_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    monkeypatch.setenv("OMZ_HOME", "")
    assert home_folder() == Path(platformdirs.user_data_dir("open-matting-zoo"))


@pytest.mark.parametrize(
    ("value", "offline"),
    [(None, False), ("", False), ("0", False), ("no", False), ("False", False), ("1", True), ("yes", True)],
)
def test_the_environment_forbids_downloads(monkeypatch, value, offline):
    monkeypatch.delenv("OMZ_OFFLINE", raising=False)
    if value is not None:
        monkeypatch.setenv("OMZ_OFFLINE", value)
    assert is_offline() == offline


def test_relative_variables_of_the_system_count_as_none(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert system_folder("data") == tmp_path / ".local/share/open-matting-zoo"
    assert system_folder("cache") == tmp_path / ".cache/open-matting-zoo"


def test_folders_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    assert can_write(tmp_path / "to be" / "made")
    for folder in (
        tmp_path / "file",
        tmp_path / "file" / "x",
        tmp_path / "nowhere" / "x",
        Path("/dev/null"),
        Path("~"),
    ):
        assert not can_write(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    assert not can_write(tmp_path)


def test_a_temporary_folder_takes_its_place_until_the_process_ends(tmp_path):
    (tmp_path / "file").touch()
    script = (
        "import sys\nfrom pathlib import Path\nfrom omz.home import home_folder, writable\n"
        "for _ in range(2):\n    folder = writable(home_folder())\n    folder.mkdir(parents=True, exist_ok=True)\n"
        "(folder / 'model').touch()\nprint(folder)\n"
    )
    environment = {**os.environ, "OMZ_HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith(f"{tmp_path / 'file'} cannot be written or is full")
    assert "set OMZ_HOME" in ran.stderr
    assert Path(ran.stdout.strip()).is_relative_to(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
