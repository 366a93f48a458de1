"""Whether people can be rendered here: with anny and moderngl, and OpenGL without a window."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from omz.errors import EngineError


def _missing(*modules: str) -> str:
    names = [name for name in modules if find_spec(name) is None]
    return f"not installed: {', '.join(names)}" if names else ""


def _why_not_rendered() -> str:
    missing = _missing("anny", "moderngl")
    if missing:
        return missing
    from omz.synthesis.people.renderer import _context

    try:
        _context()
    except EngineError as error:
        return str(error)
    return ""


_NO_MESH, _NO_RENDERER = _missing("anny"), _why_not_rendered()
needs_mesh = pytest.mark.skipif(bool(_NO_MESH), reason=_NO_MESH)
needs_renderer = pytest.mark.skipif(bool(_NO_RENDERER), reason=_NO_RENDERER)
