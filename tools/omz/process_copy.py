"""Copies of this process, which need not load again what is loaded here."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import BinaryIO, NoReturn

Serve = Callable[[BinaryIO, BinaryIO], NoReturn]
"""A function that takes calls from one pipe and gives answers to another one."""


def one_thread_for_numpy() -> None:
    """Have OpenBLAS, which NumPy loads, start no threads: they spin for a while, and rule out copies of the process.

    Call it before NumPy is loaded, where nothing multiplies large matrices.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def can_copy(threads: int = 1) -> bool:
    """Tell whether this process can be copied: on Linux, with no more ``threads``, for a copy has one only."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == threads


class ProcessCopy:
    """A copy of this process that works in ``folder`` and prints to ``said``.

    It has that part of :class:`subprocess.Popen` which isolated processes need.
    """

    def __init__(self, folder: str, said: BinaryIO, serve: Serve) -> None:
        calls, answers = os.pipe(), os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads, which were counted
            self.pid = os.fork()
        if not self.pid:
            _live(folder, said.fileno(), calls[0], answers[1], serve)
        os.close(calls[0])
        os.close(answers[1])
        self.stdin, self.stdout = os.fdopen(calls[1], "wb"), os.fdopen(answers[0], "rb")
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int | None:
        """Return the exit code, once the process has ended."""
        return self._wait(0)

    def kill(self) -> None:
        """End the process."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _wait(self, options: int) -> int | None:
        with self._lock:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, options)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _live(folder: str, said: int, calls: int, answers: int, serve: Serve) -> NoReturn:
    """Serve as the copy, which shares nothing with the original but memory."""
    try:
        gc.freeze()  # the original cleans up what it has made
        gc.enable()
        os.setsid()
        os.chdir(folder)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        for each in map(int, os.listdir("/proc/self/fd")):
            if each not in (0, 1, 2, calls, answers):
                with contextlib.suppress(OSError):  # of the listing itself
                    os.close(each)
        serve(os.fdopen(calls, "rb"), os.fdopen(answers, "wb"))
    finally:
        os._exit(1)
