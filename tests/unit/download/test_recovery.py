"""A partial file never keeps a download from its end, whatever the server makes of Range."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest
from helpers.fault_server import Always, Answer, Fault, FaultServer, Request, Status

from omz.download import DownloadSettings, Policy, download
from omz.errors import DownloadError
from omz.zoo import Catalog

CONTENT = hashlib.sha384(b"x").digest() * 2000
HALF = len(CONTENT) // 2
IMPATIENT = Policy(attempts=2, first_wait=0, patience=5, connect_timeout=5)


@dataclass(frozen=True)
class ForRange(Fault):
    """An answer of its own to requests for the rest of the file; good ones to others."""

    code: int
    content_range: str = ""
    body: bytes = b""
    retry_after: str = ""

    def answer(self, content, validators, request: Request) -> Answer | None:
        if request.range is None:
            return super().answer(content, validators, request)
        headers = {"Content-Range": self.content_range, "Retry-After": self.retry_after}
        return Answer(self.code, {name: value for name, value in headers.items() if value}, self.body)


class Silent(Fault):
    """No answer to requests for the rest of the file."""

    def answer(self, content, validators, request: Request) -> Answer | None:
        return None if request.range else super().answer(content, validators, request)


def fetch(tmp_path, server: FaultServer, *, partial: bytes = CONTENT[:HALF]) -> bytes:
    digest = hashlib.sha384(CONTENT).hexdigest()
    folder = tmp_path / "zoo" / "net"
    folder.mkdir(parents=True)
    folder.joinpath("model.yml").write_text(
        f"description: d\ntask_type: background_matting\nframework: onnx\nlicense: l\n"
        f"files:\n- {{name: net.onnx, size: {len(CONTENT)}, checksum: {digest}, source: '{server.url('/net.onnx')}'}}\n"
        "model_optimizer_args: [--input_model=$dl_dir/net.onnx]\n"
    )
    target = tmp_path / "out" / "public" / "net" / "net.onnx"
    target.parent.mkdir(parents=True)
    part = target.with_name(f".net.onnx.{digest[:12]}.part")
    part.write_bytes(partial)
    card = Catalog(tmp_path / "zoo")["net"]
    try:
        download(card, tmp_path / "out", DownloadSettings(policy=IMPATIENT), lambda event: None)
    except DownloadError:
        assert part.read_bytes() == partial, "what was there has to stay for better times"
        raise
    return target.read_bytes()


@pytest.mark.parametrize(
    "fault",
    [
        *(ForRange(code) for code in (400, 401, 403, 405, 406, 412, 416, 418, 500, 501, 502, 503)),
        ForRange(416, "bytes */7"),
        ForRange(206, f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT) + 1}", CONTENT[HALF:]),
        ForRange(206, f"bytes {HALF}-{len(CONTENT) - 1}/7", CONTENT[HALF:]),
        ForRange(206, f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}", CONTENT),
        ForRange(206, "", CONTENT[HALF:]),
        ForRange(206, "octets 1-2", CONTENT[HALF:]),
        ForRange(206, f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}", b""),
        ForRange(206, f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}", b"?" * HALF),
        ForRange(302),
    ],
    ids=str,
)
def test_a_server_that_does_not_give_the_rest_gives_all_of_it(tmp_path, fault):
    with FaultServer({"/net.onnx": CONTENT}, {"/net.onnx": [Always(fault)]}) as server:
        assert fetch(tmp_path, server) == CONTENT
    wholes = [request for request in server.requests if request.range is None]
    assert len(wholes) == 1


def test_a_partial_file_that_is_larger_than_the_file_starts_over(tmp_path):
    with FaultServer({"/net.onnx": CONTENT}) as server:
        assert fetch(tmp_path, server, partial=CONTENT + b"more") == CONTENT


@pytest.mark.parametrize("code", [400, 403, 404, 500])
def test_a_server_that_refuses_all_of_it_too_is_asked_once_and_costs_nothing(tmp_path, code):
    with FaultServer({}, {"/net.onnx": [Always(Status(code))]}) as server:
        with pytest.raises(DownloadError, match=f"the server answers {code}"):
            fetch(tmp_path, server)
        assert sum(request.range is None for request in server.requests) == (code != 404)


def test_a_server_that_does_not_answer_keeps_the_part(tmp_path):
    server = FaultServer({"/net.onnx": CONTENT}, {"/net.onnx": [Always(Silent())]})
    with server, pytest.raises(DownloadError, match="the connection ended too early"):
        fetch(tmp_path, server)


def test_a_server_that_asks_to_wait_is_not_asked_for_more(tmp_path):
    fault = ForRange(503, retry_after="4000")
    with FaultServer({"/net.onnx": CONTENT}, {"/net.onnx": [Always(fault)]}) as server:
        with pytest.raises(DownloadError, match="asks to wait"):
            fetch(tmp_path, server)
        assert len(server.requests) == 1
