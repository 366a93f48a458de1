"""Names that are loaded late: the same for Python, for type checkers and in ``__all__``."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from omz.lazy import lazy

PACKAGES = ("omz", "omz.zoo", "omz.accuracy", "omz.video", "omz.download")
OTHERWISE = {"omz": {"Matter", "__version__"}}
"""Names that are no imports, or not public."""


def checked_names(package: str) -> set[str]:
    """Return the names that a package imports for type checkers."""
    source = Path(str(importlib.import_module(package).__file__)).read_text()
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for each in node.body:
                if isinstance(each, ast.ImportFrom):
                    names |= {alias.asname or alias.name for alias in each.names}
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_python_type_checkers_and_lists_know_the_same_names(package):
    module, others = importlib.import_module(package), OTHERWISE.get(package, set())
    assert {*module.__all__} - others == checked_names(package) - others
    assert {*dir(module)} - others == {*module.__all__} - others
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_an_unknown_name_is_an_attribute_error_that_says_where(package):
    with pytest.raises(AttributeError, match=rf"module '{package}' has no attribute 'nothing'"):
        _ = importlib.import_module(package).nothing


def test_a_place_is_a_name_in_a_module_or_a_module():
    load, names = lazy("any", {"join": "os.path:join", "path": "os.path"})
    assert load("join") is importlib.import_module("os.path").join
    assert load("path") is importlib.import_module("os.path")
    assert names() == ["join", "path"]


def test_a_package_loads_nothing_before_its_names_are_used():
    code = "import sys, omz, omz.zoo, omz.video; print(*sorted({'numpy', 'cv2', 'av', 'pydantic'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
