"""Functions in a process of their own, for libraries that change the process they are in."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from omz.errors import EngineError, OmzError, first_line

Result = TypeVar("Result")


class Apart:
    """A process that calls functions, one after the other, and ends with this object, or with the process that has it.

    Functions and what they take and give go there and back as pickles. It works in a folder of its own, gone with it,
    so that nothing which libraries leave behind lies about: give it absolute paths. What it prints is dropped.
    """

    def __init__(self, title: str) -> None:
        """``title`` is what people call the library."""
        self._title = title
        folder = tempfile.TemporaryDirectory(prefix="omz-")
        said = Path(folder.name, "said")
        with said.open("wb") as file:
            # A session of its own: Ctrl-C is for the process that waits for the answer, and that ends this one.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "omz.apart"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                cwd=folder.name, start_new_session=True,
            )  # fmt: skip
        self._end = weakref.finalize(self, _end, self._process, folder)

    def __call__(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call ``function`` there, and return what it returns, or raise what it raises.

        Raises :class:`EngineError` for whatever is not raised on purpose, and where the process ends.
        """
        calls, answers = self._process.stdin, self._process.stdout
        assert calls
        assert answers
        try:
            pickle.dump((function, arguments), calls)
            calls.flush()
            result, error = pickle.load(answers)
        except (EOFError, BrokenPipeError, ValueError) as ended:  # ValueError: it has been ended before
            self._end()
            raise EngineError(
                f"{self._title} ended its process with {self._process.returncode}; memory may be short"
            ) from ended
        except BaseException:
            self._end()
            raise
        if error is None:
            return result
        if isinstance(error, OmzError):
            raise error
        raise EngineError(f"{self._title}: {error}")


def _end(process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    process.wait()
    folder.cleanup()


def _serve() -> None:
    """Call what is asked for until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed is no answer
    while True:
        try:
            function, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: tuple[Any, OmzError | str | None]
        try:
            answer = function(*arguments), None
        except OmzError as error:
            answer = None, error
        except Exception as error:
            answer = None, f"unexpected {type(error).__name__}: {first_line(error)}; please report it"
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    _serve()
