"""Isolated processes, for libraries that change or crash the process they are in."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from omz.errors import EngineError, OmzError, first_line

Result = TypeVar("Result")

_LONGEST = 300  # letters of what a process printed last


class IsolatedProcess:
    """A process that calls functions one after the other; it ends with this object, or with the process that owns it.

    Functions, arguments and results travel as pickles. The process works in a temporary folder, so that files which
    libraries leave behind disappear: give it absolute paths. What it prints is dropped. A crash, or a call that takes
    longer than ``time_limit`` seconds, ends that process and nothing else.
    """

    def __init__(self, title: str, time_limit: float | None = None) -> None:
        """Start the process; ``title`` names the library in error messages."""
        self._title, self._time_limit = title, time_limit
        folder = tempfile.TemporaryDirectory(prefix="omz-")
        with Path(folder.name, "said").open("wb") as file:
            # A session of its own: Ctrl-C goes to the process that waits for the answer, and that ends this one.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "omz.isolated"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                cwd=folder.name, env=_environment(), start_new_session=True,
            )  # fmt: skip
        self._printed = Path(folder.name, "said")
        self._end = weakref.finalize(self, _end, self._process, folder)

    def close(self) -> None:
        """End the process, also in the middle of a call from another thread, which then raises."""
        self._end()

    def __call__(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call ``function`` there; return its result or raise its error.

        Raises :class:`EngineError` for errors that are not an :class:`OmzError`, and if the process ends.
        """
        calls, answers = self._process.stdin, self._process.stdout
        assert calls
        assert answers
        try:
            with _killed_after(self._time_limit, self._process) as too_late:
                pickle.dump((function, arguments), calls)
                calls.flush()
                result, error = pickle.load(answers)
        except (EOFError, pickle.UnpicklingError, BrokenPipeError, ValueError) as ended:  # ValueError: it ended earlier
            reason = self._last_line()
            self._end()
            if too_late.is_set():
                raise EngineError(f"{self._title} was stopped after {self._time_limit:g} s") from ended
            code = self._process.returncode
            raise EngineError(f"{self._title} ended its process with {code}; {reason}") from ended
        except BaseException:
            self._end()
            raise
        if error is None:
            return result
        if isinstance(error, OmzError):
            raise error
        raise EngineError(f"{self._title}: {error}")

    def _last_line(self) -> str:
        """Return the last line that the process printed, or the usual reason why one ends without a word."""
        try:
            lines = self._printed.read_text(errors="replace").splitlines()
        except OSError:  # it was ended before
            lines = []
        if not lines:
            return "memory may be short"
        return "".join(letter if letter.isprintable() else " " for letter in lines[-1][:_LONGEST]).strip()


def _environment() -> dict[str, str]:
    """Return the environment, with an absolute path for all that this process can import."""
    places = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), *sys.path]
    paths = dict.fromkeys(os.path.abspath(place) for place in places)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@contextlib.contextmanager
def _killed_after(seconds: float | None, process: subprocess.Popen[bytes]) -> Iterator[threading.Event]:
    """Kill ``process`` if the block takes longer than ``seconds``, and set the event."""
    too_late = threading.Event()
    if seconds is None:
        yield too_late
        return

    def kill() -> None:
        too_late.set()
        _kill(process)

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        yield too_late
    finally:
        timer.cancel()


def _end(process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    _kill(process)
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(BrokenPipeError):  # of a call that was not sent in full
                pipe.close()
    process.wait()
    folder.cleanup()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, and the programs that it has started, which are in its session."""
    if process.poll() is None and hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _serve() -> None:
    """Answer calls until the owner of the process ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what functions print must not mix with answers
    calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(calls,), daemon=True).start()
    while True:
        function, arguments = calls.get()
        answer: tuple[Any, OmzError | str | None]
        try:
            answer = function(*arguments), None
        except OmzError as error:
            answer = None, error
        except Exception as error:
            answer = None, f"unexpected {type(error).__name__}: {first_line(error)}; please report it"
        pickle.dump(answer, answers)
        answers.flush()


def _receive(calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
    """Pass calls on; end the process with its owner, also in the middle of a call."""
    try:
        while True:
            calls.put(pickle.load(sys.stdin.buffer))
    finally:
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(os.getpgrp(), signal.SIGKILL)  # with the programs that functions have started
        os._exit(1)


if __name__ == "__main__":
    _serve()
