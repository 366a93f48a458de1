"""Names of a package that load what they need when they are first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a ``package``, whose names lie at ``places``.

    A place is ``module:name``, or a module. For type checkers and editors, the package imports the same names where
    ``TYPE_CHECKING`` is true, and lists them in ``__all__``.
    """

    def load(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = places[name].partition(":")
        found = importlib.import_module(module)
        return getattr(found, attribute) if attribute else found

    return load, lambda: sorted(places)
