from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omz.apart import Apart
from omz.errors import CardError, EngineError, UsageError
from omz.zoo.optimizer_arguments import parse_shapes
from omz.zoo.vocabulary import parse_precisions


@pytest.fixture
def apart():
    return Apart("Tool")


def test_a_function_runs_in_another_process_again_and_again(apart):
    assert apart(os.getpid) == apart(os.getpid) != os.getpid()
    assert apart(divmod, 17, 5) == (3, 2)


def test_what_is_printed_is_no_answer(apart, capfd):
    assert apart(os.write, 1, b"noise") == 5
    assert apart(print, "noise") is None
    assert apart(os.system, "echo noise; echo noise >&2") == 0
    assert capfd.readouterr() == ("", "")


def test_errors_come_back(apart):
    with pytest.raises(CardError, match="Unknown precisions specified: FP7"):
        apart(parse_precisions, "FP7")
    with pytest.raises(UsageError) as caught:
        apart(parse_shapes, "src[")
    assert caught.value.exit_code == 2
    with pytest.raises(EngineError, match=r"Tool: unexpected ValueError: .*; please report it"):
        apart(int, "x\ny")
    assert apart(int, "7") == 7


def test_a_process_that_ends_is_one_line(apart):
    for _ in range(2):
        with pytest.raises(EngineError, match="Tool ended its process") as caught:
            apart(os._exit, 3)
        assert "\n" not in str(caught.value)


def test_what_is_left_behind_is_gone_with_it():
    apart = Apart("Tool")
    folder = Path(apart(os.getcwd))
    apart(Path.mkdir, Path("rank_0"))
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["rank_0"]
    process = apart(os.getpid)
    del apart
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


SCRIPT = """
import os, time
from omz.apart import Apart
apart = Apart("Tool")
print(apart(os.getpid), flush=True)
apart(time.sleep, {seconds})
"""


def start(seconds: float) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(seconds=seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, int(process.stdout.readline())


def ends(pid: int, within: float) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            if "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]:
                return True  # whoever adopted it has not looked yet
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up as Linux tells them")
def test_it_does_not_outlive_whoever_started_it():
    process, other = start(0.5)
    process.kill()
    process.communicate()
    assert ends(other, 20)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up as Linux tells them")
def test_ctrl_c_ends_both_at_once():
    process, other = start(600)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == -signal.SIGINT
    assert ends(other, 20)
