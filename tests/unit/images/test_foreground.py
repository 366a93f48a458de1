"""The foreground that is estimated, against the one that a picture was made from."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from omz.errors import ImageError
from omz.images.foreground import estimate_foreground

SUBJECT = np.array([30, 200, 90])
BEHIND = np.array([220, 40, 160])


def soft_disc(height: int, width: int, edge: float) -> np.ndarray:
    """Alpha that falls from 1 to 0 over ``edge`` pixels."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2)
    return np.clip((min(height, width) / 3 - distance) / edge + 0.5, 0, 1).astype(np.float32)


def over(alpha: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
    weight = alpha[..., None].astype(np.float64)
    return np.rint(weight * foreground + (1 - weight) * background).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(120, 160), (97, 64)])
@pytest.mark.parametrize("edge", [6, 20])
def test_the_estimate_is_nearer_the_truth_than_the_picture(height, width, edge):
    alpha = soft_disc(height, width, edge)
    waves = 20 * np.sin(np.mgrid[:height, :width][1] / 9)[..., None]
    foreground, background = SUBJECT + waves, BEHIND - waves
    picture = over(alpha, foreground, background)
    estimate = estimate_foreground(picture, alpha)
    assert estimate.shape == picture.shape
    assert estimate.dtype == np.float32
    assert estimate.min() >= 0
    assert estimate.max() <= 1
    soft = (alpha > 0.1) & (alpha < 0.9)
    error = np.abs(255 * estimate - foreground)[soft].mean()
    fringe = np.abs(picture - foreground)[soft].mean()
    assert error < fringe / 5
    solid = alpha == 1
    np.testing.assert_allclose(255 * estimate[solid], picture[solid], atol=4)


def test_blue_stays_blue():
    alpha = soft_disc(40, 40, 4)
    estimate = estimate_foreground(over(alpha, np.array([250, 5, 5]), np.array([5, 5, 250])), alpha)
    np.testing.assert_allclose(255 * estimate[alpha > 0.5], np.tile([250, 5, 5], ((alpha > 0.5).sum(), 1)), atol=12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 300), (7, 3)])
@pytest.mark.parametrize("alpha", [0, 0.5, 1])
def test_no_size_and_no_alpha_is_too_odd(shape, alpha):
    picture = np.full((*shape, 3), 120, np.uint8)
    estimate = estimate_foreground(picture, np.full(shape, alpha, np.float32))
    assert estimate.shape == picture.shape
    assert estimate.dtype == np.float32
    assert np.isfinite(estimate).all()
    if alpha == 1:
        np.testing.assert_allclose(255 * estimate, 120, atol=1)


@pytest.mark.parametrize("shape", [(8, 9), (9, 8), (0, 8), (8, 8, 3)])
def test_alpha_of_another_size_is_refused(shape):
    with pytest.raises(ImageError, match="differ in size"):
        estimate_foreground(np.zeros((8, 8, 3), np.uint8), np.zeros(shape, np.float32))


def in_a_new_process(script: str, **environment: str) -> str:
    filters = ["error", *(f"ignore::{kind}Warning" for kind in ("Deprecation", "PendingDeprecation", "Future"))]
    done = subprocess.run(
        [sys.executable, *(f"-W{each}" for each in filters), "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


ESTIMATE = """
import sys
import numpy as np
from omz.errors import ImageError
from omz.images.foreground import estimate_foreground
try:
    estimate = estimate_foreground(np.full((20, 30, 3), 51, np.uint8), np.ones((20, 30), np.float32))
    print(round(float(estimate.mean()), 3))
except ImageError as error:
    print(error)
"""


def test_only_what_is_needed_of_the_estimator_is_loaded_and_only_when_it_is():
    count = "print(*sorted(name for name in sys.modules if name.split('.')[0] == 'pymatting'))"
    assert in_a_new_process(ESTIMATE + count).splitlines() == ["0.2", "pymatting.foreground.estimate_foreground_ml"]
    assert in_a_new_process(f"import sys, omz.images.foreground\nprint('numba' in sys.modules)\n{count}") == "False"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores can be taken away on Linux alone")
@pytest.mark.parametrize("cores", [1, 2])
def test_threads_take_turns_and_the_process_ends_on_one_core_too(cores):
    script = f"""
import os
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:{cores}])
import threading
import numpy as np
from omz.images.foreground import estimate_foreground
from omz.runtime.quiet_openvino import ov

def work():
    for _ in range(5):
        found.add(round(float(estimate_foreground(picture, alpha).mean()), 3))

picture, alpha, found = np.full((200, 300, 3), 51, np.uint8), np.ones((200, 300), np.float32), set()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(found)
"""
    assert in_a_new_process(script) == "{0.2}"


def test_without_a_place_for_what_is_compiled_it_is_compiled_anew(tmp_path):
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": "/dev/null/cache"}
    own = tmp_path / "temporary"
    own.mkdir()
    assert in_a_new_process(ESTIMATE, **nowhere, TMPDIR=str(own)) == "0.2"
    assert list(own.iterdir()) == []


def test_an_estimator_that_cannot_be_loaded_is_one_line():
    said = in_a_new_process(f"import sys\nsys.modules['numba'] = None\n{ESTIMATE}")
    assert said.startswith("the foreground cannot be estimated: ")
    assert "numba" in said
    assert "pip install" in said
    assert "\n" not in said
