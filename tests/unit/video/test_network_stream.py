"""Streams from real servers on this machine: they come, break off, come back, keep silent."""

from __future__ import annotations

import http.server
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from helpers.fault_server import PATIENCE
from helpers.live_streams import SIZE, encode, free_port, serving

from omz.errors import VideoError
from omz.video.camera import LiveSource, open_live
from omz.video.network_stream import NetworkStream


def connect(url: str, **arguments: object) -> NetworkStream:
    """Connect once the server is there."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            return NetworkStream(url, timeout=PATIENCE, attempts=0, options={}, **arguments)
        except VideoError as error:
            if not isinstance(error.__cause__, ConnectionRefusedError):
                raise
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


def read_all(stream: NetworkStream, stopped: threading.Event | None = None) -> list[np.ndarray]:
    pictures, stopped = [], stopped or threading.Event()
    while (picture := stream.read(stopped)) is not None:
        pictures.append(picture)
    return pictures


def test_every_picture_of_a_stream_comes_in_its_order():
    port = free_port()
    with serving(f"tcp://127.0.0.1:{port}?listen=1", "mpegts", 40):
        stream = connect(f"tcp://127.0.0.1:{port}")
        assert (stream.size, stream.rate) == (SIZE, 30)
        levels = [picture.mean() for picture in read_all(stream)]
        stream.close()
    np.testing.assert_allclose(levels, [40 + 4 * index for index in range(40)], atol=2)


def test_a_stream_that_breaks_off_is_opened_again():
    port, over = free_port(), threading.Event()
    url = f"tcp://127.0.0.1:{port}"
    with serving(f"{url}?listen=1", "mpegts", 300) as server:
        stream = connect(url)
        stream._attempts = 100  # now that it is there; the next one may take long to come up
        assert stream.read(over) is not None
        server.kill()
        server.wait()
        with serving(f"{url}?listen=1", "mpegts", 12) as again:
            watch = threading.Thread(target=lambda: (again.wait(), over.set()))  # then nobody else will come
            watch.start()
            levels = [picture.mean() for picture in read_all(stream, over)][-12:]
            watch.join()
    np.testing.assert_allclose(levels, [40 + 4 * index for index in range(12)], atol=2)
    stream.close()


@pytest.fixture
def page() -> Iterator[str]:
    """A server of MPEG-TS over HTTP, as cameras have it: no length, an end some time."""
    clip = io.BytesIO()
    encode(clip, "mpegts", 30)

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            self.wfile.write(clip.getvalue())

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/camera.ts"
        server.shutdown()
        thread.join()


def test_http_is_read_as_a_live_source(page):
    with closing(LiveSource(connect(page))) as live:
        frames = list(live)
        assert live.size == SIZE
        assert live.note.startswith(f"{page} gives no more images")
    assert len(frames) + live.dropped == 30
    assert frames[-1].picture.mean() == pytest.approx(40 + 4 * 29, abs=2)
    times = [frame.time for frame in frames]
    assert times == sorted(times)


def test_rtsp_that_is_pushed_to_us_is_read():
    url = f"rtsp://127.0.0.1:{free_port()}/live"
    arrived: list[np.ndarray] = []
    dropped: list[int] = []

    def listen() -> None:
        listening = NetworkStream(url, 5.0, attempts=0, options={"rtsp_flags": "listen", "listen_timeout": "60"})
        with closing(LiveSource(listening)) as live:
            arrived.extend(frame.picture for frame in live)
            dropped.append(live.dropped)

    listener = threading.Thread(target=listen)
    listener.start()
    while listener.is_alive() and not arrived:  # a pusher that comes before we listen is turned away at once
        with serving(url, "rtsp", 60, "rtsp_transport=tcp") as pusher:
            pusher.wait(PATIENCE)
    listener.join(PATIENCE)
    assert len(arrived) + sum(dropped) == 60
    assert arrived[-1].mean() == pytest.approx(40 + 4 * (59 % 50), abs=3)


def test_a_server_that_keeps_silent_is_given_up_and_not_asked_again():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(VideoError, match=f"^{url} cannot be read: .*; check the address and its server$"):
            NetworkStream(url, timeout=0.5, attempts=3, options={})
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


@pytest.mark.parametrize("url", ["rtsp://127.0.0.1:1/x", "http://127.0.0.1:1/x.ts", "nosuch://here"])
def test_a_server_that_is_not_there_is_one_line(url):
    with pytest.raises(VideoError, match=f"^{url} cannot be read: ") as raised, open_live(url):
        pass
    assert "\n" not in str(raised.value)


def test_a_stop_ends_the_wait_for_a_stream_to_come_back():
    port, stopped = free_port(), threading.Event()
    with serving(f"tcp://127.0.0.1:{port}?listen=1", "mpegts", 30):
        stream = connect(f"tcp://127.0.0.1:{port}")
        stream._attempts = 1000
        threading.Timer(0.5, stopped.set).start()
        while stream.read(stopped) is not None:
            pass
    assert stopped.is_set()
    stream.close()


def test_a_file_behind_a_url_ends_with_its_end(tmp_path):
    encode(str(tmp_path / "clip.mp4"), "mp4", 12)

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/clip.mp4"
        stream = NetworkStream(url, timeout=PATIENCE, attempts=3, options={})
        assert len(read_all(stream)) == 12
        stream.close()
        server.shutdown()
