"""Code that comes with a card, where the user trusts it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path


@contextlib.contextmanager
def importable(folders: Sequence[Path]) -> Iterator[None]:
    """Let modules in ``folders`` be imported inside the block, before others of the same name; write no bytecode there.

    They are forgotten in the end, so that those of the next card may have the same names.
    """
    path, before, writes_no_bytecode = list(sys.path), set(sys.modules), sys.dont_write_bytecode
    roots = [folder.resolve() for folder in folders]
    sys.path[:0] = [str(root) for root in roots]
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, writes_no_bytecode
        for name in set(sys.modules) - before:
            if _lies_in(sys.modules[name], roots):
                del sys.modules[name]


def _lies_in(module: object, roots: Sequence[Path]) -> bool:
    """Tell whether a module, or a package without a file of its own, comes from one of the folders."""
    spec = getattr(module, "__spec__", None)
    if not isinstance(spec, ModuleSpec):  # some modules answer to any name
        return False
    places = [spec.origin if spec.has_location else None, *(spec.submodule_search_locations or ())]
    return any(Path(place).resolve().is_relative_to(root) for place in places if place for root in roots)
