from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omz.errors import EngineError, UsageError
from omz.isolated import IsolatedProcess, tell, watches_memory
from omz.zoo.optimizer_arguments import parse_shapes
from omz.zoo.vocabulary import parse_precisions


@pytest.fixture
def process():
    return IsolatedProcess("Tool")


def test_a_function_runs_in_another_process_again_and_again(process):
    assert process(os.getpid) == process(os.getpid) != os.getpid()
    assert process(divmod, 17, 5) == (3, 2)


def test_what_is_printed_is_no_answer(process, capfd):
    assert process(os.write, 1, b"noise") == 5
    assert process(print, "noise") is None
    assert process(os.system, "echo noise; echo noise >&2") == 0
    assert capfd.readouterr() == ("", "")


def test_errors_come_back(process):
    with pytest.raises(UsageError, match="Unknown precisions specified: FP7"):
        process(parse_precisions, "FP7")
    with pytest.raises(UsageError) as caught:
        process(parse_shapes, "src[")
    assert caught.value.exit_code == 2
    with pytest.raises(EngineError, match=r"Tool: unexpected ValueError: .*; please report it"):
        process(int, "x\ny")
    assert process(int, "7") == 7


def test_a_process_that_ends_is_one_line(process):
    for _ in range(2):
        with pytest.raises(EngineError, match="Tool ended its process") as caught:
            process(os._exit, 3)
        assert "\n" not in str(caught.value)


def test_what_it_printed_last_says_why_it_ended(process):
    process(os.write, 2, b"first\nno room\x1b[2J left\n")
    with pytest.raises(EngineError, match=r"Tool ended its process with 3; no room \[2J left$"):
        process(os._exit, 3)


def test_it_imports_what_this_process_can_import(tmp_path, monkeypatch):
    (tmp_path / "nearby.py").write_text("def answer():\n    return 42\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(".")  # a relative path, and the process works in another folder
    nearby = importlib.import_module("nearby")
    assert IsolatedProcess("Tool")(nearby.answer) == 42


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no groups of processes")
def test_programs_that_it_started_end_with_it(process, tmp_path):
    note = tmp_path / "pid"
    process(os.system, f"sh -c 'echo $$ > {note}; exec sleep 600' >/dev/null 2>&1 &")
    while not note.exists() or not note.read_text().strip():
        time.sleep(0.01)
    process.close()
    status = Path(f"/proc/{int(note.read_text())}/stat")
    while status.exists() and status.read_text().split()[2] != "Z":
        time.sleep(0.01)


def test_a_call_that_takes_too_long_is_stopped():
    slow = IsolatedProcess("Tool", time_limit=5)
    assert slow(divmod, 17, 5) == (3, 2)
    pid = slow(os.getpid)
    with pytest.raises(EngineError, match="Tool was stopped after 5 s"):
        slow(time.sleep, 600)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def answer_in_steps(count: int) -> int:
    for number in range(count):
        tell(number)
    return count


def test_messages_arrive_in_order_before_the_result(process):
    heard: list[int] = []
    assert process.call(heard.append, answer_in_steps, 5) == 5
    assert heard == [0, 1, 2, 3, 4]
    assert process(answer_in_steps, 3) == 3  # and nobody needs to listen
    assert heard == [0, 1, 2, 3, 4]


def test_a_listener_that_fails_ends_the_process_and_is_heard_of(process):
    def listen(message: object) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        process.call(listen, answer_in_steps, 5)
    with pytest.raises(EngineError, match="ended its process"):
        process(divmod, 17, 5)


def hold(count: int) -> int:
    held = bytearray(count)
    held[::4096] = bytes([1]) * len(held[::4096])
    time.sleep(600 if count > LIMIT else 0)
    return len(held)


def hold_in_another(count: int) -> int:
    return IsolatedProcess("Inner")(hold, count)


LIMIT = 400 << 20


@pytest.mark.skipif(not watches_memory(), reason="this system does not tell what a process holds")
@pytest.mark.parametrize("function", [hold, hold_in_another])
def test_a_call_that_needs_too_much_memory_is_stopped(function):
    large = IsolatedProcess("Tool", memory_limit=LIMIT)
    assert large(function, LIMIT // 4) == LIMIT // 4
    with pytest.raises(EngineError, match=r"^Tool was stopped for it needed more than 400 MiB of memory$"):
        large(function, 2 * LIMIT)


@pytest.mark.skipif(not watches_memory(), reason="this system does not tell what a process holds")
def test_a_process_tells_what_it_holds(process):
    process(divmod, 17, 5)
    assert 1 << 20 < process.memory < 1 << 30
    process.close()
    assert process.memory == 0


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_crash_says_so(process):
    with pytest.raises(EngineError, match=r"^Tool ended its process with SIGSEGV, the crash of a library$"):
        process(crash)


def test_what_is_left_behind_is_gone_with_it():
    process = IsolatedProcess("Tool")
    folder = Path(process(os.getcwd))
    process(Path.mkdir, Path("rank_0"))
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["rank_0"]
    pid = process(os.getpid)
    del process
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


SCRIPT = """
import os, time
from omz.isolated import IsolatedProcess
process = IsolatedProcess("Tool", copied={copied})
print(process(os.getpid), flush=True)
process(time.sleep, {seconds})
"""

either_way = pytest.mark.parametrize("copied", [False, True])


def start(seconds: float, copied: bool) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(seconds=seconds, copied=copied)], stdout=subprocess.PIPE, text=True
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
@either_way
def test_it_does_not_outlive_whoever_started_it(copied):
    process, other = start(0.5, copied)
    process.kill()
    process.communicate()
    assert ends(other, 20)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up as Linux tells them")
@either_way
def test_ctrl_c_ends_both_at_once(copied):
    process, other = start(600, copied)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == -signal.SIGINT
    assert ends(other, 20)
