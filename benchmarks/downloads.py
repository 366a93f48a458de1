"""How fast a download is beside curl, and cards beside Open Model Zoo's tool: tables of benchmarks/README.md.

    python benchmarks/downloads.py
    OMZ_LEGACY_PYTHON=/path/to/python python benchmarks/downloads.py

The second form names a Python that has openvino-dev 2024.6, and compares ``omz_info_dumper`` with the original, too.
Commands take turns, so that ratios hold when the machine's speed drifts; the ratios are of medians.
"""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from commands import machine, models_of, print_table, take_turns

RUNS = 7
SIZE = 1_000_000_000
BLOCK = 1 << 20


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def copyfile(self, source, outputfile):  # as in the base class
        """Let the kernel send the file."""
        outputfile.flush()
        self.connection.sendfile(source)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        _serve()
        return
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        _compare_with_curl(Path(folder))
    if "OMZ_LEGACY_PYTHON" in os.environ:
        _compare_info_dumpers(Path(os.environ["OMZ_LEGACY_PYTHON"]))


def _serve() -> None:
    """Serve the working directory, and print the port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def _compare_with_curl(folder: Path) -> None:
    content, digest = folder / "net.bin", hashlib.sha384()
    with content.open("wb") as file:
        for _ in range(0, SIZE, BLOCK):
            block = os.urandom(BLOCK)
            digest.update(block)
            file.write(block)
    server = subprocess.Popen(
        [sys.executable, Path(__file__).resolve(), "serve"], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/net.bin"
        _write_card(folder / "zoo", content.stat().st_size, digest.hexdigest(), url)
        out, copy = folder / "out", folder / "copy.bin"
        downloader = Path(sys.executable).with_name("omz_downloader")
        commands: dict[str, list[str | Path]] = {
            "`curl \\| sha384sum`, nothing kept": ["sh", "-c", f"curl -s {url} | sha384sum"],
            "`curl -o`, then `sha384sum`": ["sh", "-c", f"curl -s -o {copy} {url} && sha384sum {copy}"],
            "`omz_downloader`": [downloader, "--name", "net", "--models_dir", folder / "zoo", "-o", out],
        }

        def empty() -> None:
            shutil.rmtree(out, ignore_errors=True)
            copy.unlink(missing_ok=True)

        figures = take_turns(commands, RUNS, empty)
    finally:
        server.terminate()
        server.communicate()
    print_table("1 GB from loopback", figures)


def _write_card(zoo: Path, size: int, digest: str, url: str) -> None:
    card = {
        "description": "A large file.",
        "task_type": "background_matting",
        "framework": "onnx",
        "license": "https://example.com",
        "files": [{"name": "net.bin", "size": size, "checksum": digest, "source": url}],
        "model_optimizer_args": ["--input_model=$dl_dir/net.bin"],
    }
    (zoo / "net").mkdir(parents=True)
    (zoo / "net" / "model.yml").write_text(yaml.safe_dump(card))


def _compare_info_dumpers(legacy: Path) -> None:
    commands = {
        "openvino-dev 2024.6": [legacy.with_name("omz_info_dumper"), "--all"],
        "Open Matting Zoo": [Path(sys.executable).with_name("omz_info_dumper"), "--all"],
    }
    figures = take_turns(commands, 2 * RUNS, environment={"OMZ_MODELS_DIR": str(models_of(legacy))})
    print_table("`omz_info_dumper --all`, 276 cards", figures)


if __name__ == "__main__":
    main()
