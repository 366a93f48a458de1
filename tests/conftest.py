from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from generated_weights import generated_tensor
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Keep the tests out of the user's cache folder, and let them share what they convert."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMZ_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


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
    return {
        name: torch.from_numpy(np.array(generated_tensor(name, tuple(entry["shape"]))))
        for name, entry in published_names.items()
    }
