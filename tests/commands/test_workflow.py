"""The workflow file: nothing runs it here, so what it refers to is looked up."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from helpers.documents import ROOT

TEXT = (ROOT / ".github/workflows/ci.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_jobs_may_only_read():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in WORKFLOW["jobs"].values())
    assert "secrets." not in TEXT


def test_actions_are_those_of_github_at_a_major_version():
    used = re.findall(r"uses: (\S+)", TEXT)
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)


def test_three_systems_meet_the_oldest_and_the_newest_versions():
    matrix = WORKFLOW["jobs"]["test"]["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert {versions["openvino"] for versions in matrix["versions"]} == {"oldest", "newest"}
    pythons = {versions["python"] for versions in matrix["versions"]}
    assert pythons == {"3.10", "3.12", "3.14"}  # as text: 3.10 is not 3.1
    for versions in matrix["versions"]:
        assert (ROOT / f"constraints/{versions['openvino']}.txt").is_file()


@pytest.mark.parametrize(
    "target",
    [*re.findall(r"make ([\w-]+)", TEXT), *WORKFLOW["jobs"]["thorough"]["strategy"]["matrix"]["target"]],
)
def test_targets_are_those_of_the_makefile(target):
    assert target in TARGETS
