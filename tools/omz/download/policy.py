"""Limits of patience for downloads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """Limits of a transfer; times in seconds.

    ``attempts`` counts tries in a row, from one address, that bring nothing new; one that brings a hundredth of the
    file (1 MiB if its size is unknown) does not count, unless only one is allowed. The wait before another try doubles
    from ``first_wait`` to ``longest_wait``, plus a random part of up to ``first_wait``; a server that asks for a longer
    wait than ``longest_wait`` is given up. A body slower than ``least_speed`` bytes a second over ``patience`` seconds
    is cut off, and so is a server that is silent for that long, or for ``connect_timeout`` more busy without sending
    any of the file. pip may take ``package_timeout`` for a Python package. ``most_bytes`` bound a file of unknown size.
    """

    attempts: int = 3
    connect_timeout: float = 15
    patience: float = 30
    least_speed: int = 1024
    first_wait: float = 1
    longest_wait: float = 120
    redirects: int = 10
    package_timeout: float = 900
    most_bytes: int = 64 << 30
