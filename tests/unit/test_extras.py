"""Optional packages: each is named by its extra, and requirements.txt names what pyproject.toml does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from omz.errors import EngineError
from omz.extras import EXTRAS, import_extra, remedy, require

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME = re.compile(r"[\w.-]+")


class Without:
    """A finder that does not see one package."""

    def __init__(self, finder, package):
        self.finder, self.package = finder, package

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == self.package:
            return None
        return self.finder.find_spec(name, path, target)


@pytest.fixture
def without(monkeypatch):
    """Hide a package, as if it was not installed."""

    def hide(package: str) -> None:
        monkeypatch.setattr(sys, "meta_path", [Without(finder, package) for finder in sys.meta_path])
        for name in [*sys.modules]:
            if name.partition(".")[0] in (package, "jinja2"):
                monkeypatch.delitem(sys.modules, name)

    return hide


@pytest.mark.parametrize("module", EXTRAS)
def test_every_module_comes_with_the_extra_that_its_message_names(module):
    extra, _ = EXTRAS[module]
    packages = {NAME.match(each)[0] for each in PROJECT["optional-dependencies"][extra]}
    assert module.replace("_", "-") in packages
    if module != "mindspore" or sys.version_info < (3, 13):
        assert remedy(module) == f"pip install '.[{extra}]' in a clone of Open Matting Zoo"


def test_no_command_is_named_that_installs_nothing(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    assert remedy("mindspore") == "MindSpore needs Python 3.10 to 3.12"
    assert "[convert]" in remedy("torch")


def test_all_is_every_extra_of_a_user():
    [everything] = PROJECT["optional-dependencies"]["all"]
    named = set(re.search(r"\[(.*)\]", everything)[1].split(","))
    assert named == {*PROJECT["optional-dependencies"]} - {"all", "docs", "test", "training"}


def test_requirements_name_core_converter_and_reports():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = [line.partition("#")[0].strip() for line in lines]
    extras = PROJECT["optional-dependencies"]
    assert [each for each in named if each] == [*PROJECT["dependencies"], *extras["convert"], *extras["accuracy"]]


def test_a_missing_package_is_one_line_that_names_its_extra(without):
    without("jinja2")
    for call in (require, import_extra):
        with pytest.raises(EngineError, match=r"^Jinja2 is not installed; install it with pip .*\[accuracy\]'"):
            call("jinja2")


def test_what_a_package_lacks_is_not_taken_for_the_package(without):
    without("markupsafe")
    with pytest.raises(EngineError, match=r"^Jinja2 is incomplete: "):
        import_extra("jinja2")
