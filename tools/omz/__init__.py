"""Open Matting Zoo: image matting models from their card to a verified OpenVINO IR, and to a matte of your image.

The names below load what they need when they are first used; ``import omz`` loads no framework.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from omz.lazy import lazy

if TYPE_CHECKING:
    from omz import video
    from omz.accuracy import evaluate_model as evaluate
    from omz.cutout.observer import Observer
    from omz.cutout.run import cut_out
    from omz.errors import Interrupted, OmzError
    from omz.models.matting_model import MattingModel
    from omz.models.preparation import convert_model, download_model

    Matter = MattingModel
    __version__: str

__all__ = [
    "Interrupted",
    "MattingModel",
    "Observer",
    "OmzError",
    "__version__",
    "convert_model",
    "cut_out",
    "download_model",
    "evaluate",
    "video",
]

_load, _ = lazy(
    __name__,
    {
        "Interrupted": "omz.errors:Interrupted",
        "MattingModel": "omz.models.matting_model:MattingModel",
        "Observer": "omz.cutout.observer:Observer",
        "OmzError": "omz.errors:OmzError",
        "convert_model": "omz.models.preparation:convert_model",
        "cut_out": "omz.cutout.run:cut_out",
        "download_model": "omz.models.preparation:download_model",
        "evaluate": "omz.accuracy:evaluate_model",
        "video": "omz.video",
    },
)


def __getattr__(name: str) -> object:
    if name == "Matter":
        warnings.warn("omz.Matter is now omz.MattingModel; the next release drops the old name", DeprecationWarning, 2)
        name = "MattingModel"
    if name == "__version__":
        from importlib.metadata import version

        return version("open-matting-zoo")
    return _load(name)


def __dir__() -> list[str]:
    return __all__
