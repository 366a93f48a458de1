"""Downloads of models' files, which are either right or absent."""

from omz.download.downloader import download, download_all, make_bundle
from omz.download.policy import Policy
from omz.download.session import DownloadSettings

__all__ = ["DownloadSettings", "Policy", "download", "download_all", "make_bundle"]
