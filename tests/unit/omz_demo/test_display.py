"""The observer on a terminal, and elsewhere."""

from __future__ import annotations

import io

import numpy as np
import pytest

from omz.convert.events import ConversionStep, FirstUse, IRReady
from omz.convert.parity import OutputParity, Parity
from omz.cutout.observer import Action
from omz_demo.display import TerminalObserver


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def parity(share: float, precision: str = "f32") -> Parity:
    """Return a comparison in which one value in a thousand is farther off than this share of the range."""
    output = OutputParity("pha", 9.0, share / 9, share, None, 1.0, 0)
    return Parity("ONNX Runtime", "CPU", precision, (), (output,))


def test_lines_go_to_standard_error(capsys):
    with TerminalObserver() as observer:
        observer.on_note("a note")
        observer.on_warning("a plate")
        observer.on_failure("a.png is empty")
        observer.on_event(FirstUse("net"))
        observer.on_event(ConversionStep("net", "writes it"))  # for those who convert
        observer.on_progress("pictures", 1, 2)  # a short job
    told = ["a note", "warning: a plate", "failed: a.png is empty", FirstUse("net").line]
    assert capsys.readouterr() == ("", "\n".join(told) + "\n")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "; it gives the results of the original (nearly everywhere within 0.86%)"),
        ({"compression": None}, "; it gives the results of the original (nearly everywhere within 0.23%)"),
        (
            {"compression": None, "parity": (parity(0),)},
            "; it gives the results of the original (nearly everywhere within 0.01%)",
        ),
        ({"compression": None, "parity": ()}, ""),
        ({"warning": "output pha differs by 0.5"}, "; half precision costs much: output pha differs by 0.5"),
    ],
)
def test_a_conversion_ends_with_one_line(capsys, changes, told):
    facts = {"parity": (parity(0.0023), parity(0.3, "bf16")), "compression": parity(0.0086), "kept_in_f32": ("a", "b")}
    event = IRReady("net", "FP16", "net.xml", "converted", keeps_model_in=("f32",), **{**facts, **changes})
    TerminalObserver().on_event(event)
    assert capsys.readouterr().err == f"net: converted{told}\n"


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


def test_a_long_job_without_a_terminal_tells_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr("omz.cli.display.PERIOD", 0.0)
    with TerminalObserver() as observer:
        for done in range(1, 4):
            observer.on_progress("a.mp4", done, 3)
        observer.on_progress("camera0", 7, None)
    shown = capsys.readouterr()
    first, second, live = shown.err.splitlines()  # the end is for the summary to tell
    assert first == "a.mp4: 1 of 3"
    assert second.startswith("a.mp4: 2 of 3, ")
    assert second.endswith(" a second, 0 s left")
    assert live == "camera0: 7"
    assert not shown.out


def test_a_job_that_is_longer_than_was_told_has_no_time_left_below_0(capsys, monkeypatch):
    """Of joined transport streams, the container tells the length of one."""
    monkeypatch.setattr("omz.cli.display.PERIOD", 0.0)
    with TerminalObserver() as observer:
        for done in (1, 2, 3):
            observer.on_progress("a.ts", done, 1)
    for line in capsys.readouterr().err.splitlines():
        assert line.startswith(("a.ts: 2, ", "a.ts: 3, "))
        assert line.endswith(" a second")


def test_the_first_use_of_a_model_is_told(capsys):
    TerminalObserver().on_event(FirstUse("net"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("first use of net: converting it")
