"""Downloads of models' files, which are either right or absent."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omz.download.downloader import download, download_all, make_bundle
    from omz.download.policy import Policy
    from omz.download.session import DownloadSettings

__all__ = ["DownloadSettings", "Policy", "download", "download_all", "make_bundle"]

_PLACES = {
    "DownloadSettings": "session",
    "Policy": "policy",
    "download": "downloader",
    "download_all": "downloader",
    "make_bundle": "downloader",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: whoever only looks for files needs no HTTP."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
