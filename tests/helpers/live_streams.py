"""A server of a stream, as a process of its own: ``python live_streams.py URL FORMAT FRAMES [OPTION=VALUE]...``.

Frame i is grey of level 40 + 4 * (i modulo 50); one comes every 30th of a second.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

SIZE = (48, 64)
RATE = 30


@contextlib.contextmanager
def serving(url: str, form: str, frames: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(Path(__file__)), url, form, str(frames), *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            yield server
        finally:
            server.kill()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def encode(target: object, form: str, frames: int, pause: float = 0.0, **options: str) -> None:
    with av.open(target, "w", format=form, options=options) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 5
        for index in range(frames):
            picture = np.full((*SIZE, 3), 40 + 4 * (index % 50), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            time.sleep(pause)
        container.mux(stream.encode())


if __name__ == "__main__":
    encode(*sys.argv[1:3], int(sys.argv[3]), 1 / RATE, **dict(option.split("=") for option in sys.argv[4:]))
