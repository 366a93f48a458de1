"""The documents: their commands run, their flags and links exist, and they build as a site."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from html.parser import HTMLParser
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from click.testing import CliRunner
from helpers.documents import DOCUMENTS, ROOT, commands

from omz.images.files import read_pixels, write_picture
from omz.synthesis.scene import make_scene
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter

SIZE = (96, 160)
README = {" ".join(command): command for command in commands("README.md") if command[0].startswith("omz_")}
SHORT_LONG_FLAGS = {"-nireq", "-nstreams", "-nthreads", "-limit"}  # respelt before they are parsed
CONVERTS = ("omz_converter", "omz_accuracy", "omz_benchmark", "omz_quantizer")
QUICK = {  # 20 frames of 1280x720 take a minute
    "omz_accuracy": ["--num_frames", "1", "--size", "192x128"],
    "omz_benchmark": ["--time", "1", "--sizes", "192x128"],
    "omz_quantizer": ["--num_images", "2", "--force"],
}


def command_called(name: str) -> click.Command:
    (entry,) = entry_points(group="console_scripts", name=name)
    command = entry.load()
    assert isinstance(command, click.Command)
    return command


@pytest.fixture
def downloaded(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, u2netp_weights: Path) -> None:
    """The model without a plate, as its first use leaves it."""
    home = tmp_path_factory.mktemp("home")
    place = home / "public" / "u2netp" / u2netp_weights.name
    place.parent.mkdir(parents=True)
    shutil.copy(u2netp_weights, place)
    monkeypatch.setenv("OMZ_HOME", str(home))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the README assumes, which becomes the working directory."""
    scene = make_scene(3, SIZE, "demo")
    (tmp_path / "shots").mkdir()
    for name, picture in {
        "photo.jpg": scene.picture,
        "empty.jpg": scene.plate,
        "shots/one.jpg": scene.picture,
        "beach.jpg": make_scene(4, SIZE, "demo").plate,
    }.items():
        write_picture(tmp_path / name, picture)
    path = tmp_path / "talk.mp4"
    with VideoWriter(path, choose_format(path, alpha=False), SIZE, Fraction(1, 25), Fraction(25)) as writer:
        for number, picture in enumerate((scene.plate, scene.picture)):
            writer.write(picture, number)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def interrupt(result: Path) -> None:
    """Press Ctrl-C for a command that has no end, once its result is there."""
    while not result.exists():
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    "line", [pytest.param(line, marks=[pytest.mark.slow] * line.startswith(CONVERTS)) for line in README]
)
@pytest.mark.usefixtures("downloaded")
def test_the_commands_of_the_readme_run_as_written(folder, line):
    name, *arguments = README[line]
    if name == "omz_downloader":
        arguments.append("--verify")  # says what is missing; the rest is for machines with a network
    if "--watch" in arguments:
        threading.Thread(target=interrupt, args=(folder / "cut" / "one.png",), daemon=True).start()
    result = CliRunner().invoke(command_called(name), [*arguments, *QUICK.get(name, ())], catch_exceptions=False)
    if "--watch" in arguments:
        assert result.exit_code == 130, result.output
    elif name == "omz_downloader" or arguments[0] in ("0", "doctor"):  # no camera, no display: said in one line
        assert result.exit_code in (0, 1), result.output
    else:
        assert result.exit_code == 0, result.output
    if "-o" in arguments and result.exit_code in (0, 130):
        assert (folder / arguments[arguments.index("-o") + 1]).exists()


@pytest.mark.usefixtures("downloaded")
def test_the_readme_names_the_files_that_its_first_commands_write(folder):
    written = set()
    for name, *arguments in [*README.values()][:2]:
        before = {*folder.iterdir()}
        assert CliRunner().invoke(command_called(name), arguments, catch_exceptions=False).exit_code == 0
        written |= {path.name for path in {*folder.iterdir()} - before}
    assert written == {"photo_cutout.png", "talk_composite.mp4"}
    assert all(f"# writes {name}" in (ROOT / "README.md").read_text() for name in written)
    assert read_pixels(folder / "photo_cutout.png").shape == (*SIZE, 4)


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if commands(name)])
def test_the_flags_in_documents_exist(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("models.lst", "net.onnx"):
        (tmp_path / name).touch()
    for name, *arguments in commands(document):
        if name.startswith("omz_") and "$(" not in " ".join(arguments):  # a shell's work
            with command_called(name).make_context(name, arguments) as context:  # raises for flags that are not there
                assert context.params, (name, arguments)


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("omz_downloader", "omz_downloader"),
        ("omz_converter", "omz_converter"),
        ("omz_info_dumper", "omz_info_dumper"),
        ("omz_quantizer", "omz_quantizer"),
        ("background_subtraction_demo.py", "omz_demo"),
        ("accuracy_check", "omz_accuracy"),
        ("benchmark_app", "omz_benchmark"),
    ],
)
def test_the_flags_of_open_model_zoo_are_those_of_the_commands(heading, name):
    section = (ROOT / "docs/coming-from-open-model-zoo.md").read_text().partition(f"\n## {heading}\n")[2]
    text = section.partition("\n## ")[0]
    if heading in ("accuracy_check", "benchmark_app"):  # whose first column is that of another command
        text = " ".join(line.split("|")[2] for line in text.splitlines() if line.startswith("|"))
    flags = set(re.findall(r"(?<![\w-])--?[a-z][a-z_]*", text))
    assert len(flags) > 3
    taken = {name for option in command_called(name).params for name in (*option.opts, *option.secondary_opts)}
    assert flags - taken <= SHORT_LONG_FLAGS


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document):
    place = (ROOT / document).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / document).read_text()):
        path, _, anchor = target.partition("#")
        if urlsplit(target).scheme:
            continue
        linked = place / path if path else ROOT / document
        assert linked.exists(), target
        if anchor:
            assert anchor in _anchors(linked), target


def _anchors(document: Path) -> set[str]:
    """Return the anchors of headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)) for heading in headings)
    return {heading.strip().lower().replace(" ", "-") for heading in plain}


def test_the_picture_of_the_readme_is_small():
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / name).stat().st_size < 200_000


class _Assets(HTMLParser):
    """Addresses that a page loads, and does not merely link to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.found.append(values.get("src") or "")
        elif tag == "link":
            self.found.append(values.get("href") or "")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="the extra docs is not installed")
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    site = tmp_path / "site"
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", ROOT / "mkdocs.yml"]
    variables = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # the theme's word on its own future, not on these pages
    result = subprocess.run([*build, "--site-dir", site], capture_output=True, text=True, env=variables, check=False)
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr

    pages = {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}
    assert {"index.html", "install.html", "reference.html", "models/background-matting-starter.html"} <= {*pages}
    for name, page in pages.items():
        assets = _Assets()
        assets.feed(page)
        assert not [address for address in assets.found if urlsplit(address).netloc], name
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text())

    reference = pages["reference.html"]
    for name in ("cut_out", "MattingModel", "Observer", "download_model", "convert_model", "evaluate", "video.read"):
        assert f'id="omz.{name}"' in reference
    assert not re.search(r":(class|func|meth):", reference)  # Sphinx's roles, which MkDocs does not know
