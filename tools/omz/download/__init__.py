"""Files of models, fetched so that they are right or absent."""

from omz.download.downloader import Settings, download, download_all, make_bundle
from omz.download.policy import Policy

__all__ = ["Policy", "Settings", "download", "download_all", "make_bundle"]
