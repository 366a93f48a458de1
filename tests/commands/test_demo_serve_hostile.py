"""``omz_demo serve`` and requests that no client sends by itself: each is refused with a line, and none does harm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest
from helpers.demo_command import write_pair
from helpers.full_disk import small_disk
from helpers.serving import Server, save_bright_model, served

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

KEY = "schlüssel"
LARGEST = 400_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_pair(tmp_path_factory.mktemp("served"))
    save_bright_model(folder / "bright.xml")
    (folder / "keys.txt").write_text(f"{KEY}\n", encoding="utf-8-sig")  # as Windows writes it
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """Works on one request at a time, while none waits."""
    with served(folder, "-m", "bright.xml", "--jobs", 1, "--max_waiting", 0, "--max_bytes", LARGEST) as server:
        yield server


def part(name: str, content: bytes, file: str | None = None) -> bytes:
    named = "" if file is None else f'; filename="{file}"'
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


def post(server: Server, path: str, *parts: bytes, kind: str = "") -> httpx.Response:
    headers = {"content-type": f"multipart/form-data; boundary=b{kind}"}
    content = b"".join(parts) + b"--b--\r\n"
    return httpx.post(f"{server.url}{path}", content=content, headers=headers, trust_env=False, timeout=60)


def get(server: Server, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.url}{path}", headers=headers, trust_env=False, timeout=60)


def fails(response: httpx.Response, status: int, words: str) -> None:
    assert response.status_code == status, response.text
    assert words in response.json()["detail"]
    assert "\n" not in response.json()["detail"]


def start(path: str, *headers: str) -> bytes:
    """Return the head of a request that sends more."""
    kind = "Content-Type: multipart/form-data; boundary=b"
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", kind, *headers, "", ""]).encode()


def answered(connection) -> HTTPResponse:
    answer = HTTPResponse(connection)
    answer.begin()
    return answer


@pytest.mark.parametrize("charset", ["undefined", "punycode", "idna", "unicode_escape", "utf-16", "a" * 300])
def test_a_form_is_in_utf8(server, folder, charset):
    photo = part("picture", (folder / "photo.png").read_bytes(), "photo.png")
    text = part("what", b"alpha")
    fails(post(server, "/v1/mattes", photo, text, kind=f"; charset={charset}"), 400, "another encoding than UTF-8")
    assert post(server, "/v1/mattes", photo, text, kind="; charset=UTF-8").status_code == 200


@pytest.mark.parametrize(
    ("path", "name", "words"),
    [
        ("/v1/mattes", "target=blur:{}", "blur takes a number"),
        ("/v1/mattes", "target=#{}", "no such file or colour"),
        ("/v1/mattes", "input_size={}x{}", "input_size"),
        ("/v1/mattes", "quality={}", "quality"),
        ("/v1/mattes", "feather={}", "feather"),
        ("/v1/mattes", "alpha_bits={}", "alpha_bits"),
        ("/v1/mattes", "model={}", "is not served here"),
        ("/api/remove", "bgc={},1,1", "bgc"),
        ("/api/remove", "af={}", "af"),
        ("/api/remove", "url=http://{}/", "fetches no URLs"),
    ],
)
def test_a_number_of_thousands_of_digits_is_a_line(server, folder, path, name, words):
    name, _, text = name.partition("=")
    image = "picture" if path == "/v1/mattes" else "file"
    sent = [part(image, (folder / "photo.png").read_bytes(), "photo.png")] if name != "url" else []
    status = {"model": 404, "url": 403}.get(name, 422)
    fails(post(server, path, *sent, part(name, text.replace("{}", "9" * 5000).encode())), status, words)


@pytest.mark.parametrize("name", ["..png", "..", "...", ".png", "C:x.png", "a\x00b.png", "x.tga", "\udcff.png", ""])
def test_any_name_of_a_file_will_do(server, folder, name):
    head = part("file", (folder / "photo.png").read_bytes(), "{}").replace(b"{}", name.encode(errors="surrogateescape"))
    assert post(server, "/api/remove", head).status_code == 200


def test_empty_parameters_are_none_as_forms_of_rembgs_clients_have_them(server, folder):
    photo = part("file", (folder / "photo.png").read_bytes(), "photo.png")
    names = ("model", "a", "af", "ab", "ae", "om", "ppm", "bgc", "extras", "url")
    empty = post(server, "/api/remove", photo, *(part(name, b"") for name in names))
    assert empty.content == post(server, "/api/remove", photo).content


@pytest.mark.parametrize("path", ["/v1/mattes", "/v1/mattes%0A", "/api/remove%0a"])
def test_no_spelling_of_a_path_leads_past_the_queue(server, folder, path):
    photo = part("file", (folder / "photo.png").read_bytes(), "photo.png")
    with server.connect() as connection:
        connection.sendall(start(path, "Content-Length: 1000"))
        deadline = time.monotonic() + 20
        while "omz_admitted_requests 0" in get(server, "/metrics").text and time.monotonic() < deadline:
            time.sleep(0.05)
        fails(post(server, "/api/remove", photo), 429, "all places are taken")
    deadline = time.monotonic() + 20
    while "omz_admitted_requests 1" in get(server, "/metrics").text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert post(server, "/api/remove", photo).status_code == 200


@pytest.mark.parametrize("path", ["/v1/mattes/", "/healthz/", "/docs/"])
def test_nothing_leads_to_the_host_that_a_request_names(server, path):
    fails(get(server, path, Host="example.com"), 404, "Not Found")


def test_who_sends_on_after_the_answer_is_not_read_any_more(server):
    with server.connect() as connection:
        connection.sendall(start("/v1/nothing", "Transfer-Encoding: chunked") + b"5\r\n12345\r\n")
        answer = answered(connection)
        assert answer.status == 404
        assert answer.getheader("connection") == "close"
        assert answer.read()
        assert connection.recv(1) == b""


def test_who_asks_whether_to_send_too_much_need_not_send_it(server):
    with server.connect() as connection:
        connection.sendall(start("/api/remove", "Expect: 100-continue", f"Content-Length: {LARGEST + 1}"))
        answer = answered(connection)  # 100 would come first, and then nothing
        assert answer.status == 413
        assert answer.getheader("connection") == "close"


def test_a_length_that_is_not_told_is_counted(server):
    with server.connect() as connection:
        connection.sendall(start("/api/remove", "Transfer-Encoding: chunked"))
        head = part("file", b"", "large.png").removesuffix(b"\r\n")
        for some in (head, *[bytes(1 << 16)] * 8):
            connection.sendall(b"%x\r\n" % len(some) + some + b"\r\n")
        answer = answered(connection)
        assert answer.status == 413
        assert b"more than 0.4 MB" in answer.read()


def test_a_key_may_have_any_letters(folder):
    photo = part("file", (folder / "photo.png").read_bytes(), "photo.png") + b"--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    with (
        served(folder, "-m", "bright.xml", "--api_key_file", "keys.txt") as server,
        httpx.Client(trust_env=False, timeout=60) as client,
    ):
        for name, value in (("X-API-Key", KEY), ("Authorization", f"Bearer {KEY}")):
            headers = {**kind, name: value.encode()}
            assert client.post(f"{server.url}/api/remove", content=photo, headers=headers).status_code == 200
        for value in (b"\xff", KEY.encode("latin-1"), b"schl"):
            headers = {**kind, "X-API-Key": value}
            fails(client.post(f"{server.url}/api/remove", content=photo, headers=headers), 401, "the key is wrong")
        for path in ("/v1/models%0A", "/metrics%0A", "/nothing"):
            fails(client.get(f"{server.url}{path}"), 401, "a key is needed")


def test_a_full_disk_is_a_line(folder, tmp_path, monkeypatch):
    photo = part("file", (folder / "photo.png").read_bytes(), "photo.png")
    with small_disk(tmp_path / "disk", 512) as disk:
        monkeypatch.setenv("TMPDIR", str(disk))
        with served(folder, "-m", "bright.xml") as server:
            fails(post(server, "/api/remove", part("file", bytes(3 << 20), "large.png")), 503, "No space left")
            assert post(server, "/api/remove", photo).status_code == 200
            assert "Traceback" not in server.log.read_text()
            server.stop()


@pytest.mark.slow
def test_schemathesis_finds_no_defect(server, tmp_path):
    """Requests as OpenAPI describes them, and as it does not; schemathesis may be installed anywhere on the path."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = shutil.which("schemathesis", path=beside)
    if command is None:
        pytest.skip("schemathesis is not here")
    settings = ["--checks", "not_a_server_error", "--max-examples", "30", "--max-time", "100", "--seed", "1"]
    others = [
        "--generation-database",
        "none",
        "--request-timeout",
        "60",
        "--suppress-health-check",
        "all",
        "--no-color",
    ]
    call = [command, "run", f"{server.url}/openapi.json", *settings, *others]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_none_of_them_was_a_defect(server):
    assert server.process.poll() is None
    assert "Traceback" not in server.log.read_text()
