"""Text of others in what the commands print."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers.builders import write_card

from omz.cli import downloader, info_dumper

RED, BACKWARDS, LINE = "\x1b[31m", "\u202e", "\x9b2J"
SECRET = "hunter2hunter2"
ADDRESS = f"http://me:{SECRET}@127.0.0.1:9/net.onnx?X-Amz-Signature={SECRET}&x=1"


def run(main, *arguments: object) -> str:
    """Return all that a command prints, and check that none of it is a trick or a secret."""
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    for line in result.output.splitlines():
        hidden = [letter for letter in line if unicodedata.category(letter) in ("Cc", "Cf", "Cs")]
        assert not hidden, line
    assert SECRET not in result.output
    return result.output


@pytest.fixture
def zoo(tmp_path) -> Path:
    write_card(
        tmp_path / "zoo",
        "net",
        description=f"a {RED}b",
        license=f"https://example.org/{BACKWARDS}[red]x[/red]{RED}",
        files=[{"name": "net.onnx", "size": 1, "checksum": "e" * 96, "source": ADDRESS}],
        input_info=[{"name": f"src{RED}[bold]{LINE}", "shape": [1, 3, 8, 8], "layout": "NCHW"}],
    )
    return tmp_path / "zoo"


def test_a_card_is_printed_without_what_controls_a_terminal(zoo):
    text = run(info_dumper.main, "--name", "net", "--models_dir", zoo, "--details")
    (card,) = json.loads(text)
    assert card["input_info"][0]["name"] == f"src{RED}[bold]{LINE}"
    table = run(info_dumper.main, "--name", "net", "--models_dir", zoo, "--format", "table")
    assert "[bold]" in table
    assert r"\x1b[31m" in table
    run(info_dumper.main, "--lint", "--name", "net", "--models_dir", zoo)


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_address_is_shown_without_its_secrets(zoo, tmp_path, form):
    flags = ("--name", "net", "--models_dir", zoo, "-o", tmp_path / "out", "--num_attempts", 1)
    text = run(downloader.main, *flags, "--progress_format", form)
    assert "http://***@127.0.0.1:9/net.onnx?X-Amz-Signature=***&x=1" in text
