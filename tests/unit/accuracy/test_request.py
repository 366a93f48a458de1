from __future__ import annotations

from pathlib import Path

import pytest

from omz.accuracy.request import EvaluationRequest
from omz.errors import UsageError


def test_settings_are_what_figures_depend_on():
    request = EvaluationRequest(
        name="m", input_dir=(Path("a"), Path("b")), seed=0, jobs=4, report=Path("r"), thresholds=("MAD=1%",)
    )
    settings = request.settings()
    assert settings["input_dir"] == "a, b"
    assert settings["seed"] == "0"
    assert settings["allow_missing"] == "False"
    assert settings.keys().isdisjoint({"jobs", "report", "thresholds", "models_dir", "dataset", "command"})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"resume": True}, "--resume needs --report, too"),
        ({"config": Path("c"), "levels": "round"}, "--config says what --levels would"),
        ({"calibration": Path("c"), "models": "FP16"}, "--calibration is for FP16-INT8"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, told):
    EvaluationRequest().check()
    with pytest.raises(UsageError, match=told):
        EvaluationRequest(**options).check()
