"""``omz_demo serve``: the real server on the loopback, its clients, and those who mean it harm."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse

import httpx
import numpy as np
import pytest
from helpers.demo_command import BOX, SIZE, block, demo, done, write_pair
from helpers.serving import save_bright_model, served
from PIL import Image

from omz.convert.store import find_ir
from omz.cutout.flags import STARTER
from omz.images.files import encode_picture, read_pixels, write_picture
from omz.zoo import Catalog

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

KEY = {"X-API-Key": "opensesame"}
BOX_IN_JSON = {"left": BOX[1], "top": BOX[0], "right": BOX[3], "bottom": BOX[2]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_pair(tmp_path_factory.mktemp("served"))
    save_bright_model(folder / "bright.xml")
    (folder / "keys.txt").write_text("# of the tests\nopensesame\n")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """Runs with defaults, but for its models."""
    with served(folder, "-m", "bright.xml", "-m", "model.xml") as server:
        yield server


@pytest.fixture(scope="module")
def strict(folder):
    """Runs with keys and small limits, and fetches URLs."""
    flags = ("--api_key_file", "keys.txt", "--max_bytes", 400_000, "--max_seconds", 3, "--allow_urls", "--jobs", 1)
    with served(folder, "-m", "bright.xml", "-m", "model.xml", *flags, "--max_waiting", 1) as server:
        yield server


def post(server, path, files, headers=None, **data):
    opened = {name: (f"{name}.png", content) for name, content in files.items()}
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(f"{server.url}{path}", files=opened, data=data, headers=headers or {})


def fails(response, status, words):
    assert response.status_code == status, response.text
    detail = response.json()["detail"]
    assert "\n" not in detail
    assert words in detail


def test_the_call_of_rembgs_users_works(server, folder):
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not here")
    call = [curl, "--silent", "--show-error", "--fail", "-F", "file=@photo.png", f"{server.url}/api/remove", "-o"]
    subprocess.run([*call, "of_curl.png"], cwd=folder, check=True)
    done(folder / "photo.png", "-m", folder / "bright.xml", "-o", folder / "of_command.png")
    assert (folder / "of_curl.png").read_bytes() == (folder / "of_command.png").read_bytes()


@pytest.mark.parametrize(
    ("parameters", "flags"),
    [
        ({"om": "true"}, ["--what", "alpha"]),
        ({"bgc": "255,0,128,255", "model": "bright"}, ["--target", "#ff0080ff"]),
        ({"bgc": "255,0,128,100"}, ["--target", "#ff008064"]),
        ({"ppm": "1", "om": "1"}, ["--what", "alpha", "--drop_specks", 0.001, "--low", 0.25, "--high", 0.75]),
        ({"af": "200", "ab": "20", "ae": "5", "extras": "{}", "other": "x"}, []),
    ],
)
def test_rembgs_parameters_give_the_file_of_the_command(server, folder, parameters, flags):
    response = post(server, "/api/remove", {"file": (folder / "photo.png").read_bytes()}, **parameters)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    done(folder / "photo.png", "-m", folder / "bright.xml", "-o", folder / "out.png", *flags)
    assert response.content == (folder / "out.png").read_bytes()


@pytest.mark.parametrize(
    ("parameters", "flags"),
    [
        ({}, []),
        ({"what": "alpha", "alpha_bits": "16"}, ["--what", "alpha", "--alpha_bits", 16]),
        ({"target": "blur:9", "format": "webp"}, ["--target", "blur:9"]),
        ({"keep_shadow": "true", "shift": "-1.5"}, ["--keep_shadow", "--shift", -1.5]),
    ],
)
def test_a_pair_gives_the_file_of_the_command(server, folder, parameters, flags):
    pair = {"picture": (folder / "photo.png").read_bytes(), "plate": (folder / "plate.png").read_bytes()}
    response = post(server, "/v1/mattes", pair, **parameters)
    assert response.status_code == 200, response.text
    output = folder / f"out.{parameters.get('format', 'png')}"
    done(folder / "photo.png", "-m", folder / "model.xml", "--plate", folder / "plate.png", "-o", output, *flags)
    assert response.content == output.read_bytes()
    assert "infer;dur=" in response.headers["server-timing"]


def test_a_picture_can_be_put_behind_the_subject(server, folder):
    beach = np.random.default_rng(1).integers(0, 256, (9, 11, 3), np.uint8)
    write_picture(folder / "beach.png", beach)
    names = {"picture": "photo.png", "plate": "plate.png", "target_picture": "beach.png"}
    response = post(server, "/v1/mattes", {name: (folder / file).read_bytes() for name, file in names.items()})
    flags = ["--plate", folder / "plate.png", "--target", folder / "beach.png", "-o", folder / "out.png"]
    done(folder / "photo.png", "-m", folder / "model.xml", *flags)
    assert response.content == (folder / "out.png").read_bytes()


def test_json_has_boxes_and_the_summary(server, folder):
    pair = {"picture": (folder / "photo.png").read_bytes(), "plate": (folder / "plate.png").read_bytes()}
    answer = post(server, "/v1/mattes", pair, format="json").json()
    assert (answer["model"], answer["width"], answer["height"]) == ("model", SIZE[1], SIZE[0])
    (box,) = answer["boxes"]
    area = (BOX[2] - BOX[0]) * (BOX[3] - BOX[1])
    assert box == {**BOX_IN_JSON, "pixels": area}
    assert answer["coverage"] == pytest.approx(area / (SIZE[0] * SIZE[1]), abs=1e-6)
    assert answer["warnings"] == []


def test_it_tells_of_itself(server):
    models = httpx.get(f"{server.url}/v1/models").json()["models"]
    assert [(model["name"], model["takes_plate"]) for model in models] == [("bright", False), ("model", True)]
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
    metrics = httpx.get(f"{server.url}/metrics").text
    assert 'omz_requests_total{path="/readyz",status="200"}' in metrics
    lines = [line for line in metrics.splitlines() if not line.startswith("#")]
    assert all(float(line.rpartition(" ")[2]) >= 0 for line in lines)


@pytest.mark.parametrize("path", ["/docs", "/api"])
def test_its_page_loads_nothing_from_elsewhere(server, path):
    response = httpx.get(f"{server.url}{path}")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "<script" not in response.text
    assert "//" not in response.text.replace(f"{server.url}/", "")
    for name in ("/api/remove", "/v1/mattes", "keep_shadow"):
        assert name in response.text


def a_bomb() -> bytes:
    """A PNG of 30,000x30,000 black pixels, each of one bit, in a hundred kilobytes."""
    row = bytes(1 + 30_000 // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row * 1000) for _ in range(30)) + packer.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def a_truncated_jpeg() -> bytes:
    content = io.BytesIO()
    Image.fromarray(block((64, 64), (8, 8, 40, 40))).save(content, "JPEG")
    return content.getvalue()[:-400]


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"only words\n", 422, "is not an image in a known format"),
        (a_truncated_jpeg(), 422, "cannot be read as an image"),
        (a_bomb(), 413, "has 900 million pixels, more than 40 million"),
        (b"", 422, "empty"),
        (bytes(500_000), 413, "more than 0.4 MB"),
    ],
    ids=["text", "truncated", "bomb", "empty", "oversize"],
)
def test_a_bad_picture_is_a_status_and_a_line(strict, content, status, words):
    fails(post(strict, "/api/remove", {"file": content}, KEY), status, words)
    assert httpx.get(f"{strict.url}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({"model": "u2net"}, 404, "model u2net is not served here; choose from bright, model"),
        ({"model": "/etc/passwd"}, 404, "not served here"),
        ({"feather": "1e9"}, 422, "feather"),
        ({"target": "keys.txt"}, 422, "no such file or colour"),
        ({"target": "blur:100000"}, 422, "blur is 100000"),
        ({"input_size": "100000x100000"}, 422, "input_size"),
        ({"what": "all"}, 422, "one at a time"),
        ({"format": "mov"}, 422, "format mov is not one of png, webp, jpg"),
        ({"output": "/tmp/x.png"}, 422, "there is no option output"),
        ({"keep_shadow": "perhaps"}, 422, "write true or false"),
        ({"refine": "a\nb"}, 422, "refine"),
    ],
)
def test_a_bad_parameter_is_a_status_and_a_line(server, folder, parameters, status, words):
    pair = {"picture": (folder / "photo.png").read_bytes(), "plate": (folder / "plate.png").read_bytes()}
    fails(post(server, "/v1/mattes", pair, **parameters), status, words)


def test_bad_requests_are_a_status_and_a_line(server, folder):
    photo = (folder / "photo.png").read_bytes()
    fails(post(server, "/api/remove", {"other": photo}), 422, "the file other is not expected")
    fails(post(server, "/api/remove", {}, x="y"), 422, "there is no image")
    fails(post(server, "/api/remove", {"file": photo}, bgc="red"), 422, "bgc")
    fails(post(server, "/api/remove", {"file": photo}, af="999"), 422, "af")
    fails(post(server, "/api/remove", {}, url="http://example.com/x.png"), 403, "fetches no URLs")
    fails(httpx.get(f"{server.url}/api/remove"), 422, "there is no image")
    fails(httpx.get(f"{server.url}/nothing"), 404, "Not Found")
    fails(httpx.get(f"{server.url}/v1/mattes"), 405, "Not Allowed")
    wrong = {"content-type": "multipart/form-data; boundary=x"}
    fails(httpx.post(f"{server.url}/api/remove", content=b"rubbish", headers=wrong), 400, "")


def test_a_path_in_a_file_name_is_a_name(server, folder):
    with httpx.Client(trust_env=False) as client:
        for name in ("../../etc/passwd", "..\\..\\boot.ini", "/dev/stdin"):
            files = {"file": (name, b"only words")}
            response = client.post(f"{server.url}/api/remove", files=files)
            fails(response, 422, f"{name.replace(chr(92), '/').rpartition('/')[2]} is not an image")
            assert ".." not in response.text
        files = {"file": ("../../photo.png", (folder / "photo.png").read_bytes())}
        assert client.post(f"{server.url}/api/remove", files=files).status_code == 200


def test_a_key_is_needed(strict, folder):
    photo = {"file": (folder / "photo.png").read_bytes()}
    fails(post(strict, "/api/remove", photo), 401, "a key is needed")
    fails(post(strict, "/api/remove", photo, {"X-API-Key": "sesame"}), 401, "the key is wrong")
    fails(httpx.get(f"{strict.url}/metrics"), 401, "a key is needed")
    assert post(strict, "/api/remove", photo, KEY).status_code == 200
    assert post(strict, "/api/remove", photo, {"Authorization": "Bearer opensesame"}).status_code == 200
    assert httpx.get(f"{strict.url}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://127.0.0.1:{port}/healthz", 403),
        ("http://localhost:{port}/healthz", 403),
        ("http://0x7f000001:{port}/healthz", 403),
        ("http://[::1]:{port}/", 403),
        ("http://[::ffff:127.0.0.1]:{port}/", 403),
        ("http://10.0.0.1/x.png", 403),
        ("http://192.168.0.1/x.png", 403),
        ("http://169.254.169.254/latest/meta-data", 403),
        ("http://100.64.0.1/", 403),
        ("http://0.0.0.0:{port}/", 403),
        ("file:///etc/passwd", 422),
        ("gopher://example.com/", 422),
        ("http://user:secret@example.com/", 422),
        ("http://no-such-host.invalid/x.png", 422),
        ("http://", 422),
    ],
)
def test_a_url_leads_to_no_private_address(strict, url, status):
    response = httpx.get(f"{strict.url}/api/remove", params={"url": url.format(port=strict.port)}, headers=KEY)
    assert response.status_code == status, response.text
    assert len(response.json()["detail"].splitlines()) == 1
    assert "secret" not in response.text


def head(server, length: int) -> bytes:
    lines = ["POST /api/remove HTTP/1.1", "Host: x", "X-API-Key: opensesame", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "Content-Type: multipart/form-data; boundary=b", "", "--b\r\n"]).encode()


def test_a_slow_upload_is_ended_and_meanwhile_others_are_served(strict, folder):
    with strict.connect() as connection:
        connection.sendall(head(strict, 100_000))
        started = time.monotonic()
        assert post(strict, "/api/remove", {"file": (folder / "photo.png").read_bytes()}, KEY).status_code == 200
        with strict.connect() as second:  # of two places, both are taken now
            second.sendall(head(strict, 100_000))
            time.sleep(0.3)
            refused = post(strict, "/api/remove", {"file": (folder / "photo.png").read_bytes()}, KEY)
            fails(refused, 429, "all places are taken")
            assert int(refused.headers["retry-after"]) >= 1
        answer = HTTPResponse(connection)  # which reads all of it, in however many packets it comes
        answer.begin()
        assert answer.status == 408
        assert b"the upload has taken 3 s" in answer.read()
        assert 2 < time.monotonic() - started < 15


def test_clients_that_leave_in_the_middle_free_their_places(strict, folder):
    for _ in range(5):
        with strict.connect() as connection:
            connection.sendall(head(strict, 100_000))
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        metrics = httpx.get(f"{strict.url}/metrics", headers=KEY).text
        if "omz_admitted_requests 0" in metrics:
            break
        time.sleep(0.1)
    assert 'status="499"' in metrics
    assert post(strict, "/api/remove", {"file": (folder / "photo.png").read_bytes()}, KEY).status_code == 200
    assert "Traceback" not in strict.log.read_text()


def test_eight_clients_at_once_get_what_one_gets(server, folder):
    photo = (folder / "photo.png").read_bytes()
    expected = post(server, "/api/remove", {"file": photo}).content
    end = time.monotonic() + 3

    def client(_: int) -> int:
        count = 0
        with httpx.Client(trust_env=False, timeout=60) as connection:
            while time.monotonic() < end:
                response = connection.post(f"{server.url}/api/remove", files={"file": ("x.png", photo)})
                assert response.status_code == 200, response.text
                assert response.content == expected
                count += 1
        return count

    with ThreadPoolExecutor(8) as pool:
        assert min(pool.map(client, range(8))) > 0


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM kills there")
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_stop_finishes_what_runs(folder, workers):
    photo = encode_picture(folder / "large.png", block((900, 1200), (100, 100, 800, 900)))
    answers = []
    with served(folder, "-m", "bright.xml", "--workers", workers) as server:
        ask = threading.Thread(target=lambda: answers.append(post(server, "/api/remove", {"file": photo})))
        ask.start()
        deadline = time.monotonic() + 20
        while "omz_admitted_requests 1" not in httpx.get(f"{server.url}/metrics").text:
            if answers or time.monotonic() > deadline:
                break
        assert server.stop() == 0
        ask.join()
        assert "Traceback" not in server.log.read_text()
    assert answers[0].status_code == 200


def test_an_ir_in_8_bits_is_served(folder, tmp_path, monkeypatch):
    """What stands for it is the IR that ships."""
    flags = ("--precision", "FP16-INT8")
    monkeypatch.setenv("OMZ_HOME", str(tmp_path))
    shipped = find_ir(Catalog()[STARTER])
    shutil.copytree(shipped.parent, tmp_path / "public" / STARTER / "FP16-INT8")
    pair = {"picture": (folder / "photo.png").read_bytes(), "plate": (folder / "plate.png").read_bytes()}
    with served(folder, "-m", STARTER, *flags) as server:
        response = post(server, "/v1/mattes", pair)
    assert response.status_code == 200, response.text
    given = ["-m", STARTER, "--plate", folder / "plate.png", *flags]
    done(folder / "photo.png", *given, "-o", folder / "out.png")
    assert response.content == (folder / "out.png").read_bytes()


@pytest.mark.parametrize(
    ("flags", "words"),
    [(("--precision", "FP16-INT8"), "omz_quantizer --name"), (("--graph", "dense"), "leave --graph out")],
)
def test_what_a_model_does_not_have_is_a_line(folder, tmp_path, monkeypatch, flags, words):
    monkeypatch.setenv("OMZ_HOME", str(tmp_path))
    with served(folder, "-m", STARTER, *flags, ready="/healthz") as server:
        end = time.monotonic() + 300
        while words not in server.log.read_text():
            assert time.monotonic() < end, server.log.read_text()
            time.sleep(0.1)


def test_a_folder_called_serve_is_an_input(folder):
    (folder / "serve").mkdir()
    write_picture(folder / "serve" / "a.png", block(SIZE, BOX))
    command = [sys.executable, "-m", "omz_demo", "./serve", "-m", "model.xml", "--plate", "plate.png", "-o", "out/"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    assert read_pixels(folder / "out" / "a.png").shape == (*SIZE, 4)


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--port", 70000], 2, "--port 70000: give at most 65535"),
        (["--host", "203.0.113.7"], 1, "nothing can listen on 203.0.113.7, port 7000"),
        (["--api_key_file", "gone.txt"], 2, "gone.txt cannot be read"),
        (["-m", "no-such-model"], 1, "no-such-model"),
        (["-m", "gone.xml"], 1, "no model at gone.xml"),
        (["-m", "model.xml", "-m", "./model.xml"], 2, "two models are called model"),
        (["photo.png"], 2, "unexpected extra argument"),
    ],
)
def test_a_wrong_start_is_one_line(folder, monkeypatch, flags, code, words):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("it has started"))
    result = demo("serve", *flags)
    assert result.exit_code == code, result.output
    assert words in result.output
    assert len(result.output.splitlines()) == 1


def test_nothing_of_it_is_loaded_before_it_is_used():
    script = (
        "import sys, omz; from omz_demo.cli import main; main(['--help'], standalone_mode=False); "
        "print(sorted({'fastapi', 'starlette', 'uvicorn', 'pydantic', 'httpx'} & {*sys.modules}), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"
    assert "omz_demo serve" in run.stdout


def test_without_the_extra_it_is_one_line(monkeypatch):
    monkeypatch.setattr("omz.extras.find_spec", lambda module: None)
    result = demo("serve")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "FastAPI is not installed; install it with pip install '.[server]'" in result.output
