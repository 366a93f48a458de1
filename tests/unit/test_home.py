from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from omz.home import home_folder, is_offline


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
