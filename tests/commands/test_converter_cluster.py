"""``omz_converter --cluster``: the IRs that it makes without it, in the shared folder, whatever becomes of a model."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from helpers.builders import published_file, small_model, write_card
from helpers.clusters import LONG, kill_a_worker, start, wait_for_the_end_of_ray

from omz.cli import converter

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

LOCAL = ("--cluster", "local[2]")
GIVEN = ("--models_dir", "zoo", "--name", "net*,background-matting-starter", "-d", "dl")
COUNT = 6


def run(*arguments: object) -> Result:
    return CliRunner().invoke(converter.main, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    """Models, and one that is damaged."""
    for number in range(COUNT):
        source = small_model(tmp_path / "dl" / "public" / f"net{number}" / "net.onnx")
        write_card(
            tmp_path / "zoo",
            f"net{number}",
            files=[published_file("net.onnx", source.read_bytes(), "https://example.com/x")],
        )
    (tmp_path / "dl" / "public" / "net3" / "net.onnx").write_bytes(b"no model")
    yield tmp_path
    wait_for_the_end_of_ray()


def irs(folder: Path) -> dict[str, bytes]:
    """Return all weights, and graphs but for what is never the same twice.

    OpenVINO numbers nodes by what a process did before, and last digits of the reference depend on its threads.
    """
    found = {}
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.suffix in (".xml", ".bin") else b""
        if path.suffix == ".xml":
            content = re.sub(rb"<parity_[^>]*>|(?<=[a-z]_)\d+", b"", content)
        if content:
            found[str(path.relative_to(folder))] = content
    return found


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--cluster", "nowhere"), "'nowhere' is no cluster; write auto, the HOST:PORT of its head, or local[N]"),
        ((*LOCAL, "-j", "2"), "--jobs is for this machine alone; leave it out with --cluster"),
    ],
)
def test_what_a_cluster_cannot_do_is_wrong_usage(flags, problem):
    result = run("--name", "u2netp", *flags)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_without_the_extra_there_is_one_line(monkeypatch):
    monkeypatch.setattr("omz.extras.find_spec", lambda _: None)
    result = run("--name", "u2netp", *LOCAL)
    assert result.exit_code == 1
    assert "Ray is not installed" in result.stderr


@pytest.mark.slow
def test_irs_are_the_same_and_a_worker_may_die(folder):
    process = start("omz.cli.converter", folder, *GIVEN, "-o", "plain")
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 1, said
    process = start("omz.cli.converter", folder, *GIVEN, "-o", "out", *LOCAL)
    killed = False
    while process.poll() is None and not killed:
        killed = kill_a_worker()
        time.sleep(0.05)
    out, told = process.communicate(timeout=LONG)
    assert process.returncode == 1, told
    assert killed
    assert told == said
    assert "net3" in said
    assert irs(folder / "out") == irs(folder / "plain")
    assert len(irs(folder / "out")) == 2 * (COUNT - 1) + 4  # those without weights are one file each
    assert not [*(folder / "out").rglob(".converting-*"), *folder.rglob(".omz.cluster*")]
    process = start("omz.cli.converter", folder, *GIVEN, "-o", "out", *LOCAL)
    out, _ = process.communicate(timeout=LONG)
    assert out.count("is up to date") == 2 * COUNT
