"""Models in forked and spawned processes: a child mattes, or says what to do, and always ends."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.builders import save_brightness_model, save_difference_model

LIMIT = 120  # seconds, after which a child counts as one that hangs

SCRIPT = """
import os, sys, threading, time, signal
import numpy as np, omz

LIMIT = 120
path, parent, child, end = sys.argv[1:]
image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
model = omz.MattingModel(path)
wanted = model(image)
if parent == "busy":
    def work():
        while True:
            model(image)
    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(0.5)
if parent == "released":
    for _ in range(2):
        omz.MattingModel(path)(image)
    if child == "new":
        del model
stream = None
if child == "stream":
    stream = model.stream([image] * 9)
    next(stream)
pid = os.fork()
if pid == 0:
    signal.alarm(LIMIT)
    if child == "old":
        mattes = [model(image), *model.stream([image] * 3)]
    elif child == "new":
        mattes = [omz.MattingModel(path)(image), omz.MattingModel(path)(image)]
    elif child == "stream":
        mattes = list(stream)
        assert len(mattes) == 8
    elif child == "grandchild":
        model(image)
        again = os.fork()
        if again == 0:
            model(image)
            sys.exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(again, 0)[1]) == 5
        mattes = [model(image)]
    else:
        mattes = []
    right = all(np.array_equal(matte.alpha, wanted.alpha) for matte in mattes)
    code = 7 if right else 8
    print("ended", flush=False)
    if end == "exit":
        sys.exit(code)
    os._exit(code)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if child == "stream":
    assert len(list(stream)) == 8
if parent != "released":
    assert np.array_equal(model(image).alpha, wanted.alpha)
omz.MattingModel(path)(image)
print("child", code, flush=True)
if parent == "busy":
    os._exit(0)
"""

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return save_brightness_model(tmp_path_factory.mktemp("model") / "brightness.xml", "height", "width")


@forks
@pytest.mark.parametrize(
    ("parent", "child", "end"),
    [
        ("idle", "old", "exit"),
        ("idle", "nothing", "exit"),
        ("idle", "new", "_exit"),
        ("busy", "old", "exit"),
        ("busy", "new", "exit"),
        ("released", "new", "exit"),
        ("released", "old", "exit"),
        ("idle", "stream", "exit"),
        ("idle", "grandchild", "exit"),
    ],
)
def test_a_forked_child_mattes_and_ends(path, parent, child, end):
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, path, parent, child, end]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * LIMIT, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    assert "child 7" in done.stdout
    assert "ended" in done.stdout or end == "_exit"


POOL = """
import sys
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
import numpy as np, omz

scene = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8).repeat(8, 0).repeat(8, 1)
image, plate = scene[:120, 6:166].copy(), scene[4:124, :160].copy()
model = None


def inherited(_):
    return model(image, plate)


def passed(given):
    return given(image, plate)


if __name__ == "__main__":
    path, method = sys.argv[1:]
    model = omz.MattingModel(path)
    wanted = model(image, plate)
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        found = list(pool.map(passed, [model, model]))
        if method == "fork":
            found += pool.map(inherited, range(4))
    assert all(np.array_equal(each.alpha, wanted.alpha) for each in found)
    print("right", len(found))
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_pool_of_processes_mattes_with_a_plate(tmp_path, method):
    path = save_difference_model(tmp_path / "difference.xml", "height", "width")
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    command = [sys.executable, "-W", "ignore", script, path, method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * LIMIT, check=False)
    assert done.stderr == ""
    assert done.stdout == f"right {6 if method == 'fork' else 2}\n"


OTHER_DEVICE = """
import os, sys
import numpy as np, omz

image = np.zeros((8, 8, 3), np.uint8)
model = omz.MattingModel(sys.argv[1], device="HETERO:CPU")
model(image)
pid = os.fork()
if pid == 0:
    for use in (lambda: model(image), lambda: omz.MattingModel(sys.argv[1])):
        try:
            use()
        except omz.OmzError as error:
            print(error)
    sys.exit(3)
model(image)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def said(script: str, path: Path) -> list[str]:
    """Return the lines that a script prints, given the path of a model."""
    command = [sys.executable, "-W", "ignore", "-c", script, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


@forks
def test_another_device_says_what_to_do(path):
    error = (
        "OpenVINO cannot be used in a process forked from one that used HETERO:CPU; "
        "start the process by 'spawn' or 'forkserver'"
    )
    assert said(OTHER_DEVICE, path) == [error, error, "3"]


OTHER_DEVICE_IN_CHILD = """
import os, sys
import numpy as np, omz

omz.MattingModel(sys.argv[1])(np.zeros((8, 8, 3), np.uint8))
pid = os.fork()
if pid == 0:
    try:
        omz.MattingModel(sys.argv[1], device="HETERO:CPU")
    except omz.OmzError as error:
        print(error)
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@forks
def test_a_forked_child_is_told_that_another_device_needs_a_new_process(path):
    error, code = said(OTHER_DEVICE_IN_CHILD, path)
    assert error.startswith(
        "HETERO:CPU cannot be used in a process forked from one that used OpenVINO; open the model on CPU"
    )
    assert code == "3"
