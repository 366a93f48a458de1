"""The news of a transfer, and the way to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


class Stopped(Exception):
    """The transfer was stopped from outside."""


@dataclass(frozen=True)
class Listener:
    """Receiver of the news of a transfer.

    ``progress`` takes the number of bytes so far; ``retry`` an address, the cause of its failure, and the seconds until
    the next try; ``stop``, once set, ends the transfer.
    """

    progress: Callable[[int], None]
    retry: Callable[[str, str, float], None]
    stop: threading.Event
