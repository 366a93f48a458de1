from __future__ import annotations

from pathlib import Path

import pytest

from omz.models.choice import ModelChoice
from omz.zoo import Catalog
from omz.zoo.model_name import name_problem


@pytest.mark.parametrize(
    "name", [*Catalog(), "a", "4k", "a" * 100, "console", "com10", "xml", "a.xml.v2", "a..b", "a_"]
)
def test_a_good_name_has_no_problem(name):
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a b", "has other characters than "),
        (".a", "has other characters than "),
        ("a" * 101, "has 101 letters; "),
        ("a.XML", "ends in .xml, "),
        ("a.", "ends in a dot, "),
        ("con", "is the name of a device "),
        ("Lpt1.v2", "is the name of a device "),
    ],
)
def test_another_name_has_its_problem(name, problem):
    assert name_problem(name).startswith(problem)


def test_a_name_that_opens_a_file_is_none():
    assert ModelChoice("net.xml", download_dir=Path()).is_file
    assert name_problem("net.xml") == "ends in .xml, and would be taken for the path of an IR"
