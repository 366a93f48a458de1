"""Optional packages: which extra installs each, and imports with an error that names it."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType

from omz.errors import EngineError, first_line

EXTRAS = {
    "torch": ("convert", "PyTorch"),
    "safetensors": ("convert", "safetensors"),
    "jinja2": ("accuracy", "Jinja2"),
    "matplotlib": ("accuracy", "Matplotlib"),
    "mindspore": ("mindspore", "MindSpore"),
    "nncf": ("int8", "NNCF"),
    "pymatting": ("refine", "pymatting"),
    "pillow_heif": ("heif", "pillow-heif"),
    "watchfiles": ("server", "watchfiles"),
    "ray": ("cluster", "Ray"),
    "anny": ("training", "anny"),
    "moderngl": ("training", "moderngl"),
    "fastapi": ("server", "FastAPI"),
    "uvicorn": ("server", "uvicorn"),
    "python_multipart": ("server", "python-multipart"),
    "gradio": ("web", "Gradio"),
}
"""The extra that installs a module, and the module's title in messages."""

_TOO_NEW_FOR_MINDSPORE = (3, 13)  # the extra installs nothing there


def require(*modules: str) -> None:
    """Check that modules of :data:`EXTRAS` are installed, without importing them.

    Raises :class:`EngineError`, which names the extra to install.
    """
    for module in modules:
        if find_spec(module) is None:
            raise _missing(module)


def import_extra(module: str) -> ModuleType:
    """Import a module of :data:`EXTRAS`. Raises :class:`EngineError` if it is missing or cannot be loaded."""
    title = EXTRAS[module][1]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise EngineError(f"{title} is incomplete: {first_line(error)}; install it again") from error
        raise _missing(module) from error
    except Exception as error:  # a package made for another machine raises anything
        raise EngineError(f"{title} cannot be loaded: {first_line(error)}") from error


def remedy(module: str) -> str:
    """Return how to get a module of :data:`EXTRAS`: the command, or that this Python is too new for it."""
    extra, title = EXTRAS[module]
    if module == "mindspore" and sys.version_info >= _TOO_NEW_FOR_MINDSPORE:
        return f"{title} needs Python 3.10 to 3.12"
    return f"pip install '.[{extra}]' in a clone of Open Matting Zoo"


def _missing(module: str) -> EngineError:
    title, how = EXTRAS[module][1], remedy(module)
    if how.startswith("pip"):
        how = f"install it with {how}"
    return EngineError(f"{title} is not installed; {how}")
