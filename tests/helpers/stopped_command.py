"""A command that stops itself at an entry of its journal, where no machine is too fast or too slow to catch it.

``python stopped_command.py COMMAND SIGNAL ENTRIES SECONDS ARGUMENT...``
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omz import journal_file

MODULES = {"omz_demo": "omz_demo.cli", "omz_accuracy": "omz.cli.accuracy"}
MORE = 5
"""The entries that are added while the signal waits; then the command waits for it, too."""


def stopped_command(name: str, how: signal.Signals, entries: int, *arguments: object, after: float = 0.0) -> list[str]:
    """Return a command that gets a signal once it has added so many entries to its journal, or some seconds later.

    Where it has more than ``MORE`` other ones to add, it cannot have ended by then.
    """
    given = (name, how.value, entries, after, *arguments)
    return [sys.executable, str(Path(__file__)), *(str(argument) for argument in given)]


def _stopping(open_journal_file: Any, how: signal.Signals, entries: int, after: float) -> Any:
    count = 0

    def stop() -> None:
        os.kill(os.getpid(), how)

    @contextmanager
    def opened(*arguments: Any, **more: Any) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        with open_journal_file(*arguments, **more) as add:

            def counted(value: Mapping[str, Any]) -> None:
                nonlocal count
                if after and count >= entries + MORE:
                    time.sleep(60)
                add(value)
                count += 1
                if count == entries:
                    threading.Timer(after, stop).start() if after else stop()

            yield counted

    return opened


def _run(name: str, how: str, entries: str, after: str, *arguments: str) -> None:
    kind = signal.Signals(int(how))
    # Before the modules that use it are imported.
    journal_file.open_journal_file = _stopping(journal_file.open_journal_file, kind, int(entries), float(after))
    importlib.import_module(MODULES[name]).main(arguments, prog_name=name)


if __name__ == "__main__":
    _run(*sys.argv[1:])
