"""Imports of code that comes with a card, if the user trusts it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from omz.paths import real_path


@contextlib.contextmanager
def importable(folders: Sequence[Path]) -> Iterator[None]:
    """Make modules in ``folders`` importable inside the block, before others of the same name; write no bytecode there.

    They are removed from ``sys.modules`` afterwards, so that those of the next card may have the same names.
    """
    path, before, writes_no_bytecode = list(sys.path), set(sys.modules), sys.dont_write_bytecode
    roots = list(map(real_path, folders))
    sys.path[:0] = map(str, roots)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        # All are found before anything changes: a package without a file looks for its folders again in those of its
        # parent, or in ``sys.path``, whenever it is asked for them.
        ours = [name for name in set(sys.modules) - before if _lies_in(sys.modules[name], roots)]
        sys.path[:], sys.dont_write_bytecode = path, writes_no_bytecode
        for name in ours:
            sys.modules.pop(name, None)


def _lies_in(module: object, roots: Sequence[Path]) -> bool:
    """Tell whether a module, or a package without a file, comes from one of the folders."""
    spec = getattr(module, "__spec__", None)
    if not isinstance(spec, ModuleSpec):  # some modules have any attribute
        return False
    try:
        places = list(spec.submodule_search_locations or ())
    except KeyError:  # its parent has gone, so that nobody can use it any more
        return True
    if spec.has_location and spec.origin:
        places.append(spec.origin)
    above: set[Path] = set()
    for place in map(Path, places):
        real = real_path(place)
        above |= {real, *real.parents}
    return not above.isdisjoint(roots)
