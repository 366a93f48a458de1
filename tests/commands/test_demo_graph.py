"""``omz_demo --graph``: which graph of a rewritten model runs, and where that is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.demo_command import block, demo, done, empty
from helpers.rewritten import save_rewritten

from omz.images.files import write_picture

SIZE = 64, 96


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    save_rewritten(tmp_path / "net.xml", *SIZE)
    write_picture(tmp_path / "in" / "photo.png", block(SIZE, (10, 20, 50, 70)))
    write_picture(tmp_path / "plate.png", empty(SIZE))
    return tmp_path


def test_a_folder_of_results_goes_on_with_the_graph_that_made_it(folder):
    flags = ("in", "--plate", "plate.png", "-m", "net.xml", "-o", "out", "--resume")
    told = json.loads(done(*flags, "--graph", "dense", "--json").stdout)
    assert told["graph"] == "dense"
    header = json.loads((folder / "out" / "omz_demo.jsonl").read_text().splitlines()[0])
    assert header["graph"] == "dense"
    assert json.loads(done(*flags, "--graph", "dense", "--json").stdout)["skipped"] == 1
    again = done(*flags, "--graph", "sparse", "--profile")
    assert "omz_demo.jsonl" in again.output
    assert "with its sparse graph" in " ".join(again.output.split())


def test_the_doctor_lists_what_was_measured(folder):
    told = json.loads(done("in/photo.png", "--plate", "plate.png", "-m", "net.xml", "-o", "a.png", "--json").stdout)
    (line,) = json.loads(demo("doctor", "--json").stdout)["graphs"]
    assert line.startswith("net, src [1, 3, 64, 96]; bgr [1, 3, 64, 96]")
    assert f": {told['graph']} (sparse " in line
