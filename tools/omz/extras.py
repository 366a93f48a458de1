"""Import of optional packages, with an error that names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from omz.errors import EngineError, first_line


def import_extra(module: str, extra: str, title: str) -> ModuleType:
    """Import ``module``, which the extra ``extra`` installs; ``title`` names it in error messages.

    Raises :class:`EngineError` if it is missing or cannot be loaded.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise EngineError(f"{title} is incomplete: {first_line(error)}; install it again") from error
        raise EngineError(
            f"{title} is not installed; install it with pip install 'open-matting-zoo[{extra}]', "
            f"or in a checkout with pip install '.[{extra}]'"
        ) from error
    except Exception as error:  # a package made for another machine raises anything
        raise EngineError(f"{title} cannot be loaded: {first_line(error)}") from error
