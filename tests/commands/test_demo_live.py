"""What is live, through the command: a stream from a server on this machine, and cameras that are not there."""

from __future__ import annotations

import http.server
import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from helpers.builders import save_difference_model
from helpers.live_streams import SIZE, encode

from omz.images.files import write_picture
from omz.video.reading import read
from omz_demo.cli import main

FRAMES = 30


def demo(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def stream() -> Iterator[str]:
    """A URL of frames of grey, each brighter than the one before, as they come; once."""
    clip = io.BytesIO()
    encode(clip, "mpegts", FRAMES)
    asked = threading.Event()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked.is_set():
                self.send_error(404)
                return
            asked.set()
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            self.wfile.write(clip.getvalue())

        def log_message(self, *arguments: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_difference_model(tmp_path / "difference.xml", "height", "width")
    write_picture(tmp_path / "plate.png", np.full((*SIZE, 3), 40, np.uint8))
    return tmp_path


def run(stream: str, *more: object) -> Result:
    return demo(stream, "-m", "difference.xml", "--plate", "plate.png", "--no_show", *more)


def test_a_stream_is_cut_and_recorded(folder, stream):
    result = run(stream, "-o", "out.mp4", "--target", "lime", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["frames"] + summary["dropped"] >= FRAMES
    assert summary["sizes"] == [f"{SIZE[1]}x{SIZE[0]}"]
    assert f"gives {SIZE[1]}x{SIZE[0]}, 30 frames a second" in result.stderr
    frames = [frame.picture for frame in read(folder / "out.mp4")]
    assert len(frames) == summary["frames"]
    np.testing.assert_allclose(frames[-1], 40 + 4 * (FRAMES - 1), atol=6)  # the last, which is never dropped


def test_where_nothing_differs_from_the_plate_the_target_shows(folder, stream):
    write_picture(folder / "plate.png", np.full((*SIZE, 3), 40 + 4 * (FRAMES - 1), np.uint8))
    assert run(stream, "-o", "out.mp4", "--target", "lime").exit_code == 0
    last = [frame.picture for frame in read(folder / "out.mp4")][-1]
    np.testing.assert_allclose(last.mean((0, 1)), (0, 255, 0), atol=4)


def test_a_limit_ends_it(folder, stream):
    result = run(stream, "-o", "out.mov", "--what", "composite", "--limit", 1, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["frames"] == 1
    assert len(list(read(folder / "out.mov"))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing is shown and nothing is written; name an --output"),
        (("-o", "frames"), "is recorded as a video"),
        (("-o", "out", "--what", "all"), "one result of a live source can be recorded"),
        (("-o", "out.png"), "is a video, out.png an image"),
    ],
)
def test_requests_that_make_no_sense_end_with_2(folder, stream, arguments, message):
    result = run(stream, *arguments)
    assert result.exit_code == 2
    assert message in result.output.splitlines()[-1]


@pytest.mark.skipif(bool(os.environ.get("DISPLAY")), reason="there is a display")
def test_without_a_display_the_way_out_is_named(folder, stream):
    result = demo(stream, "-m", "difference.xml", "--plate", "plate.png")
    assert result.exit_code == 2
    assert "no display" in result.output
    assert "--no_show" in result.output


def test_what_is_live_is_the_only_input(folder, stream):
    write_picture(folder / "photo.png", np.zeros((*SIZE, 3), np.uint8))
    result = run(stream, "photo.png", "-o", "out")
    assert result.exit_code == 2
    assert "has to be the only input" in result.output


@pytest.mark.parametrize("source", ["97", "http://127.0.0.1:9/none", "rtsp://127.0.0.1:9/none"])
def test_a_source_that_is_not_there_is_one_line(folder, source):
    result = run(source, "-o", "out.mp4", "--target", "lime")
    assert result.exit_code == 1
    assert [line for line in result.output.splitlines() if "omz_demo" in line or "error" in line.lower()] == [
        result.output.splitlines()[-1]
    ]
    assert source in result.output.splitlines()[-1]
    assert not (folder / "out.mp4").exists()
