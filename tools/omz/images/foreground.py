"""Foreground estimation, for networks that give alpha only."""

from __future__ import annotations

import functools
import importlib.util
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib.machinery import PathFinder
from types import ModuleType

import numpy as np

from omz.errors import ImageError, first_line
from omz.images.arrays import Alpha, Colours, Picture

_MODULE = "pymatting.foreground.estimate_foreground_ml"
_TURN = threading.Lock()  # each call has all cores to itself; one of numba's ways to have them bears no other call


def estimate_foreground(picture: Picture, alpha: Alpha) -> Colours:
    """Estimate the subject's own colours, without the old background that shows through where alpha is below 1.

    ``picture`` is (H, W, 3) uint8 BGR, ``alpha`` (H, W) float32; the result is (H, W, 3) float32 BGR, 0 to 1. Raises
    :class:`ImageError` if the two differ in size, or the estimator cannot be loaded. The first call of a process loads
    it, and the first on a machine compiles it, which takes seconds. It needs about 80 bytes a pixel. Threads take
    turns.

    The method is that of Germer, Uelwer, Conrad and Harmeling, "Fast Multi-Level Foreground Estimation", 2020.
    """
    if picture.shape != (*alpha.shape, 3) or not alpha.size:
        raise ImageError(f"picture {list(picture.shape)} and alpha {list(alpha.shape)} differ in size")
    colours = picture.astype(np.float32) * np.float32(1 / 255)
    if alpha.size == 1:  # no levels to estimate from
        return colours
    with _TURN:
        return _estimator()(colours, alpha)


@functools.cache
def _estimator() -> Callable[[Colours, Alpha], Colours]:
    """Return pymatting's estimator; raises :class:`ImageError` if it cannot be loaded."""
    try:
        try:
            module = _load()
        except (RuntimeError, OSError):  # numba finds no folder for its cache
            module = _load_without_cache()
    except (ImportError, RuntimeError, OSError) as error:
        raise ImageError(
            f"the foreground cannot be estimated: {first_line(error)}; pip install --upgrade pymatting numba, "
            "or set NUMBA_CACHE_DIR to a writable folder"
        ) from error
    return module.estimate_foreground_ml


def _load() -> ModuleType:
    """Load the one file of pymatting that is needed; importing the package would compile all of its solvers.

    The module keeps its full name: numba's cache is kept under that, and numba looks it up when it loads the cache.
    """
    if _MODULE in sys.modules:
        return sys.modules[_MODULE]
    _do_without_tbb_on_one_core()
    package = importlib.util.find_spec("pymatting")
    spec = None
    if package and package.submodule_search_locations:
        folders = [f"{folder}/foreground" for folder in package.submodule_search_locations]
        spec = PathFinder.find_spec(_MODULE, folders)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("pymatting is not installed")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_MODULE]
        raise
    return module


def _do_without_tbb_on_one_core() -> None:
    """Make numba prefer other threading layers than TBB on a single core.

    To start the threads of TBB, numba gives it a task, and waits for it when the process ends. On a single core only
    the thread that gave the task would run it; the process hangs if that is not the main one.
    """
    from numba import config

    settings = vars(config)
    if settings["NUMBA_DEFAULT_NUM_THREADS"] == 1:
        settings["THREADING_LAYER_PRIORITY"] = ["omp", "workqueue", "tbb"]


def _load_without_cache() -> ModuleType:
    """Load it with a temporary cache: every process compiles again."""
    from numba import config

    settings = vars(config)
    before = settings["CACHE_DIR"]
    with tempfile.TemporaryDirectory(prefix="omz-numba-") as folder:
        settings["CACHE_DIR"] = folder
        try:
            return _load()
        finally:
            settings["CACHE_DIR"] = before
