"""Accuracy of models: variants scored on the same frames, compared, and judged."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omz.accuracy.evaluation import Evaluation
    from omz.accuracy.request import EvaluationObserver, EvaluationRequest
    from omz.accuracy.run import evaluate_model

__all__ = ["Evaluation", "EvaluationObserver", "EvaluationRequest", "evaluate_model"]

_MODULES = {
    "Evaluation": "evaluation",
    "EvaluationObserver": "request",
    "EvaluationRequest": "request",
    "evaluate_model": "run",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
