"""Isolated processes, for libraries that change or crash the process they are in."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar, cast

from omz.errors import EngineError, OmzError, first_line
from omz.process_copy import ProcessCopy, can_copy

Result = TypeVar("Result")

_LONGEST = 300  # letters of what a process printed last
_ANSWER, _MESSAGE = "answer", "message"
_EVERY = 0.05  # seconds between looks at the memory of a process
_FOREVER = 1e6  # seconds
_MIB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_to_owner: list[BinaryIO] = []
"""The pipe to the owner of this process, if it is an isolated one."""


class _EndedError(Exception):
    """The process has ended."""


class IsolatedProcess:
    """A process that calls functions one after the other; it ends with this object, or with the process that owns it.

    Functions, arguments and results travel as pickles. The process works in a temporary folder, so that files which
    libraries leave behind disappear: give it absolute paths. What it prints is dropped. A crash, a call that takes
    longer than ``time_limit`` seconds, or one that needs more than ``memory_limit`` bytes, with the processes that it
    starts, ends that process and nothing else. Memory is watched on Linux only.

    Usually the process loads what it needs. With ``copied``, it is a copy of this one with all that is loaded here, if
    :func:`omz.process_copy.can_copy` says so.
    """

    def __init__(
        self, title: str, time_limit: float | None = None, memory_limit: int | None = None, copied: bool = False
    ) -> None:
        """Start the process; ``title`` names the library in error messages."""
        self._title, self._time_limit, self._memory_limit = title, time_limit, memory_limit
        folder = tempfile.TemporaryDirectory(prefix="omz-")
        self._process: subprocess.Popen[bytes] | ProcessCopy
        # A session of its own: Ctrl-C goes to the process that waits for the answer, and that ends this one.
        with Path(folder.name, "said").open("wb") as file:
            if copied and can_copy(threads=1 + len(_to_owner)):  # an isolated one waits in the other one
                self._process = ProcessCopy(folder.name, file, _serve)
            else:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "omz.isolated"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                    cwd=folder.name, env=_environment(), start_new_session=True,
                )  # fmt: skip
        self._printed = Path(folder.name, "said")
        self._end = weakref.finalize(self, _end, self._process, folder)

    def close(self) -> None:
        """End the process, also in the middle of a call from another thread, which then raises."""
        self._end()

    def limited(self, seconds: float | None, memory: int | None) -> IsolatedProcess:
        """Return this process, with other limits for its next calls."""
        self._time_limit, self._memory_limit = seconds, memory
        return self

    def __call__(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call ``function`` there; return its result or raise its error.

        Raises :class:`EngineError` for errors that are not an :class:`OmzError`, and if the process ends.
        """
        return self.call(lambda message: None, function, *arguments)

    def call(self, listen: Callable[[Any], None], function: Callable[..., Result], *arguments: Any) -> Result:
        """Call ``function`` there, as calling this object does; ``listen`` gets what it passes to :func:`tell`."""
        with _watched(self._process, self._time_limit, self._memory_limit) as watch:
            try:
                self._send((function, arguments))
                while True:
                    kind, content = self._receive()
                    if kind == _ANSWER:
                        break
                    listen(content)
            except _EndedError as ended:
                reason = self._why_it_ended(watch.problem)
                self._end()
                raise EngineError(reason) from ended
            except BaseException:
                self._end()
                raise
        result, error = content
        if error is None:
            return cast("Result", result)
        if isinstance(error, OmzError):
            raise error
        raise EngineError(f"{self._title}: {error}")

    @property
    def memory(self) -> int:
        """The bytes that the process holds, with those that it has started; 0 if the system does not tell."""
        return _memory_of(self._process.pid)

    def _send(self, call: tuple[Callable[..., Any], tuple[Any, ...]]) -> None:
        calls = self._process.stdin
        assert calls
        try:
            pickle.dump(call, calls)
            calls.flush()
        except (BrokenPipeError, ValueError) as error:  # ValueError: it ended earlier
            raise _EndedError from error

    def _receive(self) -> tuple[str, Any]:
        answers = self._process.stdout
        assert answers
        try:
            kind, content = pickle.load(answers)
        except (EOFError, pickle.UnpicklingError, ValueError) as error:
            raise _EndedError from error
        return kind, content

    def _why_it_ended(self, problem: str | None) -> str:
        if problem:
            return f"{self._title} was stopped {problem}"
        reason = self._last_line()
        self._end()
        code = self._process.returncode
        if code in (-signal.SIGSEGV, -signal.SIGABRT):
            return f"{self._title} ended its process with {signal.Signals(-code).name}, the crash of a library"
        return f"{self._title} ended its process with {code}; {reason}"

    def _last_line(self) -> str:
        """Return the last line that the process printed, or the usual reason why one ends without a word."""
        try:
            lines = self._printed.read_text(errors="replace").splitlines()
        except OSError:  # it was ended before
            lines = []
        if not lines:
            return "memory may be short"
        return "".join(letter if letter.isprintable() else " " for letter in lines[-1][:_LONGEST]).strip()


def apart(title: str, function: Callable[..., Result], *arguments: Any, time_limit: float | None = None) -> Result:
    """Call a function in a process of its own, which ends with it: what crashes there takes nothing along.

    ``title`` and ``time_limit`` (seconds), arguments and errors are as of :class:`IsolatedProcess`.

    Example:
        >>> import math
        >>> apart("Python", math.sqrt, 9)
        3.0

    """
    process = IsolatedProcess(title, time_limit)
    try:
        return process(function, *arguments)
    finally:
        process.close()


def _environment() -> dict[str, str]:
    """Return the environment, with an absolute path for all that this process can import."""
    places = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), *sys.path]
    paths = dict.fromkeys(os.path.abspath(place) for place in places)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@dataclass
class _Watch:
    """Why a process was stopped; None if it was not."""

    problem: str | None = None


@contextlib.contextmanager
def _watched(
    process: subprocess.Popen[bytes] | ProcessCopy, seconds: float | None, most: int | None
) -> Iterator[_Watch]:
    """Kill ``process`` if the block takes longer than ``seconds``, or the process more than ``most`` bytes."""
    watch, done = _Watch(), threading.Event()
    if seconds is None and most is None:
        yield watch
        return
    end = None if seconds is None else time.monotonic() + seconds

    def look() -> None:
        while True:
            left = _FOREVER if end is None else end - time.monotonic()
            if done.wait(max(0.0, left if most is None else min(left, _EVERY))):
                return
            if end is not None and time.monotonic() >= end:
                watch.problem = f"after {seconds:g} s"
            elif most is not None and _memory_of(process.pid) > most:
                watch.problem = f"for it needed more than {most / _MIB:,.0f} MiB of memory"
            if watch.problem:
                _kill(process)
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()


def watches_memory() -> bool:
    """Tell whether this system tells how much memory a process holds."""
    return _memory_of(os.getpid()) > 0


def _memory_of(pid: int) -> int:
    """Return the bytes of its own that a process holds, and its descendants; 0 where the system does not tell."""
    held, family = 0, [pid]
    for each in family:
        try:
            resident, shared = map(int, Path(f"/proc/{each}/statm").read_text().split()[1:3])
            threads = list(Path(f"/proc/{each}/task").iterdir())
        except (OSError, ValueError):  # it has ended
            continue
        held += (resident - shared) * _PAGE
        for thread in threads:
            with contextlib.suppress(OSError):
                family += map(int, (thread / "children").read_text().split())
    return held


def _end(process: subprocess.Popen[bytes] | ProcessCopy, folder: tempfile.TemporaryDirectory[str]) -> None:
    _kill(process)
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(BrokenPipeError):  # of a call that was not sent in full
                pipe.close()
    process.wait()
    folder.cleanup()


def _kill(process: subprocess.Popen[bytes] | ProcessCopy) -> None:
    """Kill the process, and the programs that it has started, which are in its session."""
    if process.poll() is None and hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def tell(message: Any) -> None:
    """Pass ``message`` to the owner of this process, from a function that it has called with a listener."""
    assert _to_owner, "this is not an isolated process"
    pickle.dump((_MESSAGE, message), _to_owner[-1])
    _to_owner[-1].flush()


def _serve(calls: BinaryIO, answers: BinaryIO) -> NoReturn:
    """Answer calls until the owner of the process ends."""
    _to_owner.append(answers)
    waiting: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(calls, waiting), daemon=True).start()
    while True:
        function, arguments = waiting.get()
        answer: tuple[Any, OmzError | str | None]
        try:
            answer = function(*arguments), None
        except OmzError as error:
            answer = None, error
        except Exception as error:
            answer = None, f"unexpected {type(error).__name__}: {first_line(error)}; please report it"
        pickle.dump((_ANSWER, answer), answers)
        answers.flush()


def _receive(calls: BinaryIO, waiting: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
    """Pass calls on; end the process with its owner, also in the middle of a call."""
    try:
        while True:
            waiting.put(pickle.load(calls))
    finally:
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(os.getpgrp(), signal.SIGKILL)  # with the programs that functions have started
        os._exit(1)


def _main() -> NoReturn:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what functions print must not mix with answers
    _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    importlib.import_module("omz.isolated")._main()  # this module, by the name that functions know
