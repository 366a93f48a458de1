"""The public functions, run as their docstrings, the README and the guide write them."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from fractions import Fraction
from operator import attrgetter
from pathlib import Path

import pytest

import omz
from omz.images.compositing import to_uint8
from omz.images.files import write_picture
from omz.synthesis.scene import make_scene
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter

ROOT = Path(__file__).parents[2]
ERRORS = {"Interrupted", "OmzError"}
CALLABLE = sorted(name for name in omz.__all__ if callable(getattr(omz, name)) and name not in ERRORS)


def blocks_of(document: str) -> list[str]:
    """Return the Python of a document, block by block."""
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that examples name, which becomes the working directory."""
    scene = make_scene(3, (96, 160), "demo")
    write_picture(tmp_path / "photo.jpg", scene.picture)
    write_picture(tmp_path / "empty.jpg", scene.plate)
    write_picture(tmp_path / "beach.jpg", make_scene(4, (96, 160), "demo").plate)
    path = tmp_path / "talk.mp4"
    with VideoWriter(path, choose_format(path, alpha=False), (96, 160), Fraction(1, 25), Fraction(25)) as writer:
        for time, picture in enumerate((scene.plate, scene.picture)):
            writer.write(picture, time)
    parts = {"com": scene.picture, "bgr": scene.plate, "pha": to_uint8(scene.alpha), "fgr": to_uint8(scene.foreground)}
    for name, picture in parts.items():
        (tmp_path / "my_pairs" / name / "clip").mkdir(parents=True)
        write_picture(tmp_path / "my_pairs" / name / "clip" / "0.png", picture)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [*CALLABLE, "video.read"])
@pytest.mark.usefixtures("folder")
def test_the_examples_of_docstrings_run_as_written(name):
    tests = doctest.DocTestFinder().find(attrgetter(name)(omz), name, globs={})
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in tests:
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
    assert any(test.examples for test in tests)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_the_python_of_documents_runs_as_written(document):
    blocks = blocks_of(document)
    assert blocks
    exec("\n".join(blocks), {"__name__": "__main__"})


def test_the_processes_of_the_guide_work_in_a_script(folder):
    (block,) = (text for text in blocks_of("docs/python.md") if "ProcessPoolExecutor" in text)
    (folder / "script.py").write_text(f"{block}    print(again.alpha.shape)\n")
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "(96, 160)\n"), done.stderr


def test_every_public_name_is_there():
    for name in omz.__all__:
        assert getattr(omz, name) is not None
    assert dir(omz) == sorted(omz.__all__)
    assert re.match(r"\d+\.\d+", omz.__version__)
    assert callable(omz.video.read)
