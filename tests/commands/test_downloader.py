"""``omz_downloader`` as a user calls it."""

from __future__ import annotations

import errno
import json
import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result
from helpers.builders import own_names, published_file, write_card
from helpers.fault_server import Always, FaultServer, Status

from omz.cli import downloader
from omz.cli.download_display import DownloadDisplay
from omz.download.events import FileBegin, FileProgress

CONTENT = b"weights" * 10_000


def run(*arguments: object, **options: object) -> Result:
    return CliRunner().invoke(downloader.main, [str(each) for each in arguments], catch_exceptions=False, **options)


@pytest.fixture
def server():
    with FaultServer({"/a.bin": CONTENT, "/b.bin": CONTENT[:-1]}, {"/gone": [Always(Status(404))]}) as server:
        yield server


@pytest.fixture
def zoo(tmp_path, server, monkeypatch):
    """A zoo with the models good, with two files, and bad, whose file is gone."""
    root = tmp_path / "zoo"
    good = [
        published_file(name, content, server.url(f"/{name}"))
        for name, content in (("a.bin", CONTENT), ("b.bin", CONTENT[:-1]))
    ]
    write_card(root, "good", files=good)
    write_card(root, "bad", files=[published_file("c.bin", CONTENT, server.url("/gone"))])
    monkeypatch.setenv("OMZ_MODELS_DIR", str(root))
    return root


def test_models_are_downloaded_and_kept(tmp_path, zoo):
    result = run("--name", "good", "-o", tmp_path / "out", "-j", 2)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.splitlines()[0] == "good: 2 files"
    assert sorted(result.stdout.splitlines()[1:]) == ["good: a.bin: downloaded", "good: b.bin: downloaded"]
    again = run("--name", "good", "-o", tmp_path / "out")
    assert again.stdout.splitlines()[1:] == [
        "good: a.bin: already present and valid",
        "good: b.bin: already present and valid",
    ]
    assert (tmp_path / "out" / "public" / "good" / "a.bin").read_bytes() == CONTENT


def test_a_failure_is_told_in_full_and_listed_at_the_end(tmp_path, zoo, server):
    result = run("--name", "bad,good", "-o", tmp_path)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    target = tmp_path / "public" / "bad" / "c.bin"
    for part in (
        "error: bad: c.bin",
        server.url("/gone"),
        "404 Not Found",
        f"curl --fail --location --output {target}",
    ):
        assert part in line
    assert result.stdout.splitlines()[-2:] == ["FAILED:", "bad"]
    assert (tmp_path / "public" / "good" / "b.bin").is_file()


def test_without_a_terminal_a_long_transfer_tells_how_far_it_is(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("omz.cli.display.PERIOD", 0.0)
    with DownloadDisplay() as display:
        display.show(FileBegin("net", "net.onnx", 5_000_000))
        for size in (1_250_000, 5_000_000):
            display.show(FileProgress("net", "net.onnx", size))
        display.show(FileBegin("net", "more.bin", None))
        display.show(FileProgress("net", "more.bin", 300_000))
    assert capsys.readouterr().err.splitlines() == ["net: net.onnx: 1.2 of 5.0 MB", "net: more.bin: 0.3 MB"]


def test_json_events_are_one_object_a_line(tmp_path, zoo):
    result = run("--name", "good,bad", "-o", tmp_path, "--progress_format", "json")
    assert result.exit_code == 1
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[0] == {"$type": "model_download_begin", "model": "good", "num_files": 2}
    size = len(CONTENT)
    assert {"$type": "model_file_download_begin", "model": "good", "model_file": "a.bin", "size": size} in events
    assert {"$type": "model_file_download_progress", "model": "good", "model_file": "a.bin", "size": size} in events
    end = {"$type": "model_file_download_end", "model": "good", "model_file": "a.bin", "successful": True}
    assert {**end, "state": "downloaded", "reason": None} in events
    assert {"$type": "model_download_end", "model": "bad", "successful": False} in events
    assert events[-1] == {"$type": "summary", "successful": False, "failed": ["bad"]}
    again = run("--name", "good", "-o", tmp_path, "--progress_format", "json")
    states = [event["state"] for event in map(json.loads, again.stdout.splitlines()) if "state" in event]
    assert states == ["present", "present"]


def test_verify_reports_and_changes_nothing(tmp_path, zoo):
    out = tmp_path / "out"
    before = run("--name", "good", "-o", out, "--verify")
    assert (before.exit_code, before.stderr.count("is missing"), out.exists()) == (1, 2, False)
    run("--name", "good", "-o", out)
    assert run("--name", "good", "-o", out, "--verify").stdout.count("is valid") == 2
    file = out / "public" / "good" / "a.bin"
    file.write_bytes(CONTENT[:-1] + b"?")
    after = run("--name", "good", "-o", out, "--verify")
    assert after.exit_code == 1
    assert f"{file} has another sha384 than on the card" in after.stderr
    assert after.stdout.splitlines()[-2:] == ["FAILED:", "good"]
    assert file.read_bytes() == CONTENT[:-1] + b"?"


def test_verify_checks_the_files_that_ship_with_their_card():
    result = run("--name", "background-matting-starter", "--verify")
    assert result.exit_code == 0
    assert "background-matting-starter.safetensors is valid" in result.stdout


def test_a_bundle_is_made_and_used(tmp_path, zoo, server):
    bundle = tmp_path / "bundle.tar"
    assert run("--name", "good", "--bundle", bundle).exit_code == 0
    count = len(server.requests)
    result = run("--name", "good", "-o", tmp_path / "out", "--cache_dir", bundle)
    assert result.exit_code == 0
    assert "good: a.bin: copied from the cache" in result.stdout.splitlines()
    assert len(server.requests) == count


def test_a_bad_card_does_not_stop_the_others(tmp_path, zoo):
    write_card(zoo, "ugly", framework="telepathy")
    result = run("--name", "ugly,good", "-o", tmp_path)
    assert result.exit_code == 1
    assert "ugly/model.yml: framework: found 'telepathy'" in result.stderr
    assert result.stdout.splitlines()[-2:] == ["FAILED:", "ugly"]
    assert (tmp_path / "public" / "good" / "a.bin").is_file()


def test_names_come_from_a_list_or_standard_input(tmp_path, zoo):
    (tmp_path / "models.lst").write_text("# what we need\n'good' FP16 # and a comment\n\n")
    assert run("--list", tmp_path / "models.lst", "-o", tmp_path / "a").exit_code == 0
    assert run("--list", "-", "-o", tmp_path / "b", input="g??d\n").exit_code == 0
    for folder in "ab":
        assert (tmp_path / folder / "public" / "good" / "a.bin").is_file()


def test_print_all_prints_a_name_a_line(zoo):
    assert run("--print_all").stdout.splitlines() == sorted([*own_names(), "bad", "good"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--name", "nothing*"], 1, 'No matching models: "nothing*"'),
        (["--name", "good", "--precisions", "FP8"], 2, "Unknown precisions specified: FP8"),
        (["--name", "good", "--all"], 2, "one of --name, --list, --all"),
        ([], 2, "one of --name, --list, --all"),
        (["--name", "good", "-j", "0"], 2, "-j"),
        (["--name", "good", "-j", "auto"], 2, "-j"),
        (["--name", "good", "--num_attempts", "0"], 2, "--num_attempts"),
        (["--name", "good", "--progress_format", "xml"], 2, "--progress_format"),
        (["--name", "good", "--verify", "--bundle", "x"], 2, "--verify and --bundle"),
        (["--list", "absent.lst"], 1, "absent.lst"),
        (["--name", "good", "--models_dir", "absent"], 1, "absent is not a folder"),
        (["--name", "good", "--cache_dir", __file__], 1, "neither a folder nor a bundle"),
    ],
)  # fmt: skip
def test_errors_are_one_line_with_their_code(tmp_path, zoo, arguments, code, message):
    result = run(*arguments, "-o", tmp_path / "out")
    assert result.exit_code == code
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_a_full_disk_fails_the_file_and_not_the_batch(tmp_path, zoo):
    limited = f"""
import resource, signal
from omz.cli.downloader import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(CONTENT) - 1},) * 2)
main()
"""
    command = [sys.executable, "-c", limited, "--name", "good", "-o", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a.bin could not be fetched" in done.stderr
    assert f"{tmp_path / 'out' / 'public' / 'good' / 'a.bin'}: {os.strerror(errno.EFBIG)}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "public" / "good" / "a.bin").exists()
    assert (tmp_path / "out" / "public" / "good" / "b.bin").read_bytes() == CONTENT[:-1]


def test_a_terminal_sees_bars_and_in_the_end_the_same_lines(tmp_path, zoo):
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "omz.cli.downloader", "--name", "good", "-o", str(tmp_path)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, stdout=inside, stderr=inside, env=environment)
    os.close(inside)
    seen = b""
    try:
        while chunk := os.read(terminal, 1 << 16):
            seen += chunk
    except OSError:  # how the end of a terminal looks
        pass
    os.close(terminal)
    assert process.wait() == 0
    assert b"good: a.bin: downloaded" in seen
    assert "━".encode() in seen
