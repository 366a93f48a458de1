"""The service in a process of its own, on the loopback, and a model that takes no plate."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from openvino import Core, save_model

START = 300.0  # seconds, on a machine that has much else to do


@dataclass(frozen=True)
class Server:
    """A service that runs; ``process`` has it, and ``log`` what it prints."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """Return a connection, for requests that no client would send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def stop(self) -> int:
        """Stop it as a system does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def served(folder: Path, *flags: object, command: str = "serve", ready: str = "/readyz") -> Iterator[Server]:
    """Run ``omz_demo serve``, or another command, in a folder until the end of the block; it is ready at its begin."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "omz_demo", command, "--port", str(port), *map(str, flags)]
    log = folder / f"{port}.log"
    with log.open("w") as output:
        process = subprocess.Popen(words, cwd=folder, stdout=output, stderr=subprocess.STDOUT, text=True)
    server = Server(process, port, log)
    try:
        _wait(server, ready)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait(server: Server, path: str) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and server.process.poll() is None:
        try:
            if httpx.get(f"{server.url}{path}", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the server is not ready: {server.log.read_text()}")


def save_bright_model(path: Path) -> Path:
    """Write an IR of any size without plate, whose ``alpha`` is the brightness of a pixel, 0 to 1."""
    size = ["height", "width"]
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Div", ["mean", "most"], ["share"]),
        helper.make_node("Clip", ["share", "none", "all"], ["alpha"]),
    ]
    constants = {"most": np.float32(255), "none": np.float32(0), "all": np.float32(1)}
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info("alpha", TensorProto.FLOAT, [1, 1, *size])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    source = path.with_suffix(".onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), source)
    save_model(Core().read_model(source), path, compress_to_fp16=False)
    return path


class Web:
    """A web server on the loopback: ``pages`` has the status, the headers and the content of each path."""

    def __init__(self, pages: dict[str, tuple[int, dict[str, str], bytes]]) -> None:
        self.hosts: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.hosts.append(self.headers["Host"])
                status, headers, content = pages[self.path]
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Web:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
