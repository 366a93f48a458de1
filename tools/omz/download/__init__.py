"""Files of models, fetched so that they are right or absent."""

from omz.download.downloader import download, download_all, make_bundle
from omz.download.policy import Policy
from omz.download.session import Settings

__all__ = ["Policy", "Settings", "download", "download_all", "make_bundle"]
