"""The models folder of the user, and whether anything may be downloaded to it."""

from __future__ import annotations

import os
from pathlib import Path

_NO = ("", "0", "false", "no", "off")


def home_folder() -> Path:
    """Return the models folder: ``OMZ_HOME``, or the system's place for the data of this package."""
    asked = os.environ.get("OMZ_HOME")
    if asked:
        return Path(asked)
    import platformdirs

    return platformdirs.user_data_path("open-matting-zoo")


def is_offline() -> bool:
    """Return whether ``OMZ_OFFLINE`` forbids downloads."""
    return os.environ.get("OMZ_OFFLINE", "").strip().lower() not in _NO
