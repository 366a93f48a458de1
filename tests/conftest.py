from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from helpers.clean_environment import clean, give_home
from helpers.generated_weights import generated_tensor
from helpers.real_weights import u2netp
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import torch

# A slow machine makes slow examples, and no worse ones.
settings.register_profile("repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")

# Before the modules of tests are imported, for some libraries read the environment then; and once, so that fixtures of
# modules and of the session have it, too.
clean(os.environ)
os.umask(0o022)
give_home(os.environ)
# As commands have it: threads of PyTorch that wait would spin on the core of the other worker.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored in what runs in the background

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Keep the tests out of the user's folders, let them share what they convert, and download nothing unasked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMZ_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("OMZ_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("OMZ_OFFLINE", "1")
        yield


@pytest.fixture(autouse=True)
def _environment_as_before() -> Iterator[None]:
    """Take back what commands set in the environment of their process, which here is that of all tests."""
    before, umask = dict(os.environ), os.umask(0o022)
    os.umask(umask)
    yield
    os.umask(umask)
    for name in {*os.environ} - {*before}:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Iterator[object]:
    """A browser that the tests of a module share."""
    from helpers.browser import browser

    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="session")
def u2netp_weights() -> Path:
    """The ONNX file of ``u2netp``, real and trained; without it, tests skip, and fail where ``CI`` is ``true``."""
    return u2netp()


@pytest.fixture(scope="session")
def published_names() -> dict[str, dict[str, object]]:
    """Names, shapes and types in the published checkpoint of BackgroundMattingV2, MobileNetV2."""
    return json.loads((DATA / "background_matting_state_dict.json").read_text())


@pytest.fixture(scope="session")
def vectors() -> Mapping[str, np.ndarray]:
    """What the published network computes with generated weights."""
    return dict(np.load(DATA / "background_matting_vectors.npz"))


@pytest.fixture(scope="session")
def generated_state(published_names: dict[str, dict[str, object]]) -> dict[str, torch.Tensor]:
    """Generated weights under the published names."""
    import torch

    return {
        name: torch.from_numpy(np.array(generated_tensor(name, tuple(entry["shape"]))))
        for name, entry in published_names.items()
    }
