"""URLs of local files."""

from __future__ import annotations

import os
import re
from urllib.request import url2pathname

_FILE_URL = re.compile(r"file:(?://(?:localhost)?)?(?P<path>/(?!/).*)", re.IGNORECASE | re.DOTALL)


def local_path(text: str) -> str:
    """Return the path that a ``file:`` URL (RFC 8089) names; any other text, and the name of a file, as it is.

    Example:
        >>> from omz.cutout.file_urls import local_path
        >>> local_path("file:///videos/my%20talk.mp4")
        '/videos/my talk.mp4'
        >>> local_path("12:30.mp4")
        '12:30.mp4'
    """
    found = _FILE_URL.fullmatch(text)
    if found is None or os.path.exists(text):
        return text
    if os.path.exists(found["path"]):  # as a program writes it that escapes nothing
        return found["path"]
    return url2pathname(found["path"])
