"""Memory stays the same over any length."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.films import Film, make_film

MEASURED = """
import sys
from omz_demo.cli import main
try:
    main(sys.argv[1:])
finally:
    print(open("/proc/self/status").read())
"""


def peak(film: Film, output: Path, *more: object) -> int:
    """Return the most memory that the command had, in kilobytes."""
    arguments = [str(argument) for argument in (*film.flags, "-o", output, *more)]
    run = subprocess.run([sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True, check=True)
    return int(re.search(r"VmHWM:\s*(\d+) kB", run.stdout)[1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's peak of memory in this way")
def test_five_thousand_frames_take_the_memory_of_two_hundred(tmp_path):
    film = make_film(tmp_path, 5000, (90, 160), sound="aac")
    more = ("--target", "lime", "--segment_seconds", "4")
    few = peak(film, tmp_path / "few.mp4", *more, "--limit", "200")
    many = peak(film, tmp_path / "many.mp4", *more)
    print(few, many)
    assert many < 1.05 * few, (few, many)
