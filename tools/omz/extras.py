"""Packages that not everyone needs, or an error that names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from omz.errors import EngineError, first_line


def import_extra(module: str, extra: str, title: str) -> ModuleType:
    """Import ``module``, which the extra ``extra`` of this package installs; ``title`` is what people call it.

    Raises :class:`EngineError` where it is not there, or cannot be loaded.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise EngineError(f"{title} is not whole: {first_line(error)}; install it again") from error
        raise EngineError(
            f"{title} is not installed; install it with pip install 'open-matting-zoo[{extra}]', "
            f"or in a checkout with pip install '.[{extra}]'"
        ) from error
    except Exception as error:  # a package that does not fit the machine raises anything
        raise EngineError(f"{title} cannot be loaded: {first_line(error)}") from error
