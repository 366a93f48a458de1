"""The observer on a terminal, and elsewhere."""

from __future__ import annotations

import io

import numpy as np
import pytest

from omz.convert.events import ConversionStep
from omz.cutout.observer import Action
from omz_demo.display import TerminalObserver


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_go_to_standard_error(capsys):
    with TerminalObserver() as observer:
        observer.on_note("a note")
        observer.on_warning("a plate")
        observer.on_failure("a.png is empty")
        observer.on_event(ConversionStep("net", "writes it"))
        observer.on_progress("pictures", 1, 2)  # which is for terminals
    assert capsys.readouterr() == ("", "a note\nwarning: a plate\nfailed: a.png is empty\nnet: writes it\n")


def test_progress_is_for_terminals_and_goes_with_the_job(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with TerminalObserver() as observer:
        for name, total in (("a.mp4", 20), ("b.mp4", None)):
            for done in range(3):
                observer.on_progress(name, done, total)
    shown = terminal.getvalue()
    assert "b.mp4" in shown
    assert shown.endswith("\x1b[2K")  # the line is cleared


def test_without_a_window_frames_go_nowhere():
    observer = TerminalObserver(show=False)
    assert not observer.watches(live=True, recorded=True)
    assert observer.on_frame(np.zeros((4, 4, 3), np.uint8), ["1 fps"]) is Action.NONE
    assert not TerminalObserver().watches(live=False, recorded=True)
