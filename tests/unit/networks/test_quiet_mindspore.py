"""MindSpore beside PyTorch and OpenVINO in one process, asked of fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("environment", [{}, {"OMP_NUM_THREADS": "2", "GLOG_v": "3"}])
def test_the_environment_is_as_it_was(environment):
    """That of this process, and the one that its children get, which are two things."""
    script = """
import os, subprocess
before, given = dict(os.environ), subprocess.check_output(["env"])
import omz.networks.quiet_mindspore
print(before == dict(os.environ), sorted(given.split()) == sorted(subprocess.check_output(["env"]).split()))
"""
    assert run(script, **environment) == "True True"


def test_protobuf_stays_fast():
    script = """
import omz.networks.quiet_mindspore
from google.protobuf.internal import api_implementation
print(api_implementation.Type())
"""
    assert run(script) == "upb"


def test_convolutions_do_not_fall_back_to_reference_code():
    script = """
import numpy as np
from omz.networks.quiet_mindspore import ms, nn
nn.Conv2d(8, 8, 3, pad_mode="pad", padding=1)(ms.Tensor(np.ones((1, 8, 16, 16), np.float32))).asnumpy()
"""
    lines = [line for line in run(script, ONEDNN_VERBOSE="1").splitlines() if "exec,cpu,convolution" in line]
    assert lines
    assert not any("ref:any" in line for line in lines)


@pytest.mark.parametrize("first", ["torch", "omz.networks.quiet_mindspore"])
def test_pytorch_and_openvino_give_the_same_beside_it(first):
    script = f"""
import {first}
import hashlib, numpy as np, torch
from omz.networks.quiet_mindspore import ms, nn
from omz.runtime.openvino_engine import default_precision
torch.manual_seed(0)
x, w = torch.rand(1, 16, 32, 32), torch.rand(16, 16, 3, 3)
print(default_precision("CPU"), torch.nn.functional.conv2d(x, w).sum().item(), torch.get_num_threads())
"""
    alone = script.replace("from omz.networks.quiet_mindspore import ms, nn\n", "").replace(f"import {first}\n", "")
    assert run(script) == run(alone)


def test_without_mindspore_the_extra_is_named():
    script = """
import sys
sys.modules["mindspore"] = None
from omz.errors import EngineError
try:
    import omz.networks.quiet_mindspore
except EngineError as error:
    print(error)
"""
    said = run(script)
    assert said.startswith("MindSpore is not installed; install it with pip install")
    assert "[mindspore]" in said
    assert "\n" not in said
