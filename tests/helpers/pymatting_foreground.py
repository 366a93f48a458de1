"""pymatting's estimator of foreground colours, the oracle of ours."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np


@functools.cache
def _estimator() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return it from its own file: to import the package is to compile all of its solvers, for a minute."""
    package = importlib.util.find_spec("pymatting")
    assert package is not None
    assert package.origin is not None
    name = "pymatting.foreground.estimate_foreground_ml"  # in full, by which numba looks it up in its cache
    path = Path(package.origin).with_name("foreground") / "estimate_foreground_ml.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module.estimate_foreground_ml


def pymatting_foreground(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) float32, 0 to 1, for a uint8 picture."""
    return _estimator()(picture.astype(np.float32) / np.float32(255), alpha)
