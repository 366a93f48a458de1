from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omz.benchmark.request import BenchmarkRequest
from omz.errors import UsageError

GOOD = BenchmarkRequest(names=("u2netp",), precisions=("FP16", "FP16@bf16", "FP16-INT8"), streams=("latency", "2"))


def test_settings_are_the_flags_that_say_something():
    GOOD.check()
    assert GOOD.settings() == {
        "names": "u2netp", "precisions": "FP16, FP16@bf16, FP16-INT8", "sizes": "1280x720", "streams": "latency, 2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"names": ()}, "nothing to measure"),
        ({"precisions": ("FP8",)}, "--precisions FP8"),
        ({"precisions": ("FP16@f8",)}, "--precisions FP16@f8"),
        ({"precisions": ("FP16", "FP16")}, "--precisions FP16 is there twice"),
        ({"precisions": ()}, "--precisions: name at least one"),
        ({"devices": ("CPU", "AUTO", "CPU")}, "-d CPU is there twice"),
        ({"models": (Path("net.xml"), Path.cwd() / "net.xml")}, "net.xml is there twice"),
        ({"sizes": ("big",)}, "'big' is not a size"),
        ({"streams": ("many",)}, "--streams many"),
        ({"streams": ("0",)}, "--streams 0"),
        ({"compare": ("tensorflow",)}, "--compare tensorflow"),
        ({"time": 0}, "--time 0"),
        ({"time": float("nan")}, "--time nan"),
        ({"models": (Path("net.pth"),)}, "-m net.pth"),
        ({"num_frames": 3}, "give --dataset, too"),
    ],
)
def test_what_means_nothing_is_wrong_usage(changes, said):
    with pytest.raises(UsageError, match=said):
        replace(GOOD, **changes).check()
