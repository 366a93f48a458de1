"""Isolated processes that are copies; of a process of one thread, which the one of the tests is not."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from omz.process_copy import can_copy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux only")

SCRIPT = """
import os, signal, sys, tempfile, time
from omz.errors import EngineError
from omz.isolated import IsolatedProcess

class Loaded:
    value = 0

def process(**limits):
    return IsolatedProcess("Tool", copied=True, **limits)

def loaded():
    return Loaded.value

def nested():
    return process()(loaded), os.getpgrp() == os.getpid()

def crash():
    os.kill(os.getpid(), signal.SIGSEGV)

def prints():
    print("noise")
    os.write(1, b"noise\\n")
    os.write(2, b"no room left\\n")

def open_files():
    return sorted(os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd"))

def reason(tool, *call):
    try:
        tool(*call)
    except EngineError as error:
        return str(error)

Loaded.value = 42  # after all imports, so that only a copy knows it
with tempfile.NamedTemporaryFile() as ours:
    one = process()
    assert one(loaded) == 42
    assert one(nested) == (42, True)
    assert not any(ours.name in each for each in one(open_files))
    assert one(os.getcwd) != os.getcwd()
    assert one(prints) is None
    assert one.memory > 0
    assert reason(one, os._exit, 3) == "Tool ended its process with 3; no room left"
    assert reason(process(), crash) == "Tool ended its process with SIGSEGV, the crash of a library"
    assert reason(process(time_limit=0.5), time.sleep, 600) == "Tool was stopped after 0.5 s"
    large = reason(process(memory_limit=100 << 20), bytearray, 500 << 20)
    assert large == "Tool was stopped for it needed more than 100 MiB of memory"
    both = process(), process()
    both[0].close()
    assert both[1](loaded) == 42
print("done")
"""


def test_a_copy_knows_what_is_loaded_and_is_as_isolated_as_any_other():
    run = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("done\n", 0), run.stderr


def test_a_process_with_another_thread_is_not_copied():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    assert not can_copy()
    done.set()
    thread.join()
