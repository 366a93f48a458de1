"""Accuracy of models: variants scored on the same frames, compared, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omz.lazy import lazy

if TYPE_CHECKING:
    from omz.accuracy.evaluation import Evaluation
    from omz.accuracy.request import EvaluationObserver, EvaluationRequest
    from omz.accuracy.run import evaluate_model

__all__ = ["Evaluation", "EvaluationObserver", "EvaluationRequest", "evaluate_model"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Evaluation": "omz.accuracy.evaluation:Evaluation",
        "EvaluationObserver": "omz.accuracy.request:EvaluationObserver",
        "EvaluationRequest": "omz.accuracy.request:EvaluationRequest",
        "evaluate_model": "omz.accuracy.run:evaluate_model",
    },
)
