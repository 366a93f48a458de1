"""The Dockerfile, without Docker: its RUN lines in a fresh environment, and its entry point there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from helpers.dockerfile import Dockerfile, copy_context
from helpers.documents import ROOT
from helpers.serving import save_bright_model, served

from omz.images.files import read_pixels, write_picture
from omz.synthesis.scene import make_scene
from omz_demo.serve.command import seconds_to_stop
from omz_demo.serve.settings import ServeFlags
from omz_demo.web.settings import WebFlags

DOCKERFILE = Dockerfile.read(ROOT / "Dockerfile")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SIZE = (96, 160)
IS_ROOT = sys.platform == "linux" and os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that all users can read, as in an image."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary)
        path.chmod(0o755)
        yield path


def test_the_image_is_slim_pinned_and_not_run_by_root():
    (base,) = DOCKERFILE.all("FROM")
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", base)
    (user,) = DOCKERFILE.all("USER")
    assert user.split(":")[0] not in ("root", "0")


def test_the_lines_that_run_are_those_tested_below():
    packages, install, folder = DOCKERFILE.all("RUN")
    assert packages.startswith("apt-get update && apt-get install ")
    assert install.startswith("python -m pip install ")
    assert folder == f"install -d -m 1777 {DOCKERFILE.variables['OMZ_HOME']}"


@pytest.mark.slow
@pytest.mark.skipif(not (IS_ROOT and shutil.which("apt-get")), reason="needs root, and Debian's apt-get")
def test_the_packages_of_the_system_can_be_installed():
    """The line is only simulated, and its cleaning left out: this machine is not an image to be thrown away."""
    update, install, clean = DOCKERFILE.all("RUN")[0].split(" && ")
    assert (update, clean) == ("apt-get update", "rm -rf /var/lib/apt/lists/*")
    packages = [word for word in install.split()[2:] if not word.startswith("-")]
    if subprocess.run(["apt-cache", "show", *packages], capture_output=True, check=False).returncode:
        pytest.skip("the lists of packages are not there, or are those of another system")
    subprocess.run(f"{install} --simulate", shell=True, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the image is one of Linux")
def test_what_it_installs_cuts_out_a_picture(place):
    source, environment, work = place / "src", place / "environment", place / "work"
    copy_context(ROOT, source)
    venv.create(environment, with_pip=True)
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OMZ_"))},
        **DOCKERFILE.variables,
        "HOME": str(place / "home"),
        "OMZ_HOME": str(place / "home" / "models"),
        "OMZ_CACHE_DIR": str(place / "home" / "cache"),
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    for folder in (work, place / "home"):
        folder.mkdir()
        folder.chmod(0o777)
    run = partial(subprocess.run, env=variables, capture_output=True, text=True, check=False)
    result = run(DOCKERFILE.all("RUN")[1], shell=True, cwd=source)
    assert result.returncode == 0, result.stderr
    shutil.rmtree(source)  # nothing refers to it

    scene = make_scene(3, SIZE, "demo")
    write_picture(work / "photo.jpg", scene.picture)
    write_picture(work / "empty.jpg", scene.plate)
    entry = [environment / "bin" / DOCKERFILE.entry_point[0], *DOCKERFILE.entry_point[1:]]
    result = run([*entry, "photo.jpg", "--plate", "empty.jpg"], cwd=work, **_identity(environment / "bin" / "python"))
    assert result.returncode == 0, result.stderr
    assert read_pixels(work / "photo_cutout.png").shape == (*SIZE, 4)


@pytest.mark.parametrize(("name", "ready", "extra"), [("serve", "/readyz", "fastapi"), ("web", "/", "gradio")])
def test_the_health_of_a_service_of_compose_is_that_of_what_runs(tmp_path, name, ready, extra):
    pytest.importorskip(extra)
    service = COMPOSE["services"][name]
    command, host, address = service["command"]
    assert (command, host, address) == (name, "--host", "0.0.0.0")
    kind, python, *check = service["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    (published,) = service["ports"]
    port = published.rpartition(":")[2]
    assert published == f"127.0.0.1:{port}:{port}"
    flags = {"serve": ServeFlags, "web": WebFlags}[name]
    assert int(port) == flags().port
    models = ("-m", save_bright_model(tmp_path / "bright.xml"))
    with served(tmp_path, *models, host, address, command=name, ready=ready) as server:
        asked = [sys.executable, *(word.replace(port, str(server.port)) for word in check)]
        assert subprocess.run(asked, check=False).returncode == 0
        server.process.kill()
        server.process.wait()
        assert subprocess.run(asked, stderr=subprocess.DEVNULL, check=False).returncode != 0


def test_compose_waits_until_the_service_has_stopped_and_keeps_models():
    serve, web = COMPOSE["services"]["serve"], COMPOSE["services"]["web"]
    assert int(serve["stop_grace_period"].removesuffix("s")) > seconds_to_stop(ServeFlags())
    for service in (serve, web):
        assert service["volumes"] == [f"models:{DOCKERFILE.variables['OMZ_HOME']}"]
    assert "models" in COMPOSE["volumes"]


def _identity(python: Path) -> dict[str, int]:
    """Return the user of the image, where that can be had: root, with an interpreter that others may use."""
    (user,) = DOCKERFILE.all("USER")
    identity = dict(zip(("user", "group"), map(int, user.split(":")), strict=True))
    try:
        subprocess.run([python, "-c", ""], check=True, capture_output=True, **identity)
    except (OSError, subprocess.SubprocessError):
        return {}
    return identity
