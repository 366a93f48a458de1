"""Downloads of models' files, which are either right or absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omz.lazy import lazy

if TYPE_CHECKING:
    from omz.download.downloader import download, download_all, make_bundle
    from omz.download.policy import Policy
    from omz.download.session import DownloadSettings

__all__ = ["DownloadSettings", "Policy", "download", "download_all", "make_bundle"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "DownloadSettings": "omz.download.session:DownloadSettings",
        "Policy": "omz.download.policy:Policy",
        "download": "omz.download.downloader:download",
        "download_all": "omz.download.downloader:download_all",
        "make_bundle": "omz.download.downloader:make_bundle",
    },
)
