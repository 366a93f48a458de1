"""Objects of OpenVINO across forks of the process.

Its threads do not survive a fork. In the child, all that waits for one of them hangs: a run of a model, the end of a
model, and a new model that OpenVINO gives the threads of one that has ended. So a fork waits until nothing runs, and
has OpenVINO end the threads that no model uses; the child never touches the models of its parent, and makes its own.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import Any, ClassVar, Generic, TypeVar
from weakref import WeakSet

from omz.errors import EngineError

Made = TypeVar("Made")

starting = RLock()
"""Held while a run begins; a fork waits for it."""
_making = RLock()


class PerProcess(Generic[Made]):
    """An object that a forked process makes for itself, when it is first asked for."""

    all: ClassVar[WeakSet[PerProcess[Any]]] = WeakSet()

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self.made: Made | None = None

    def __call__(self) -> Made:
        """Return the object. Raises what making it raises."""
        if self.made is None:
            with _making:
                if self.made is None:
                    self.made = self._make()
                    self.all.add(self)
        return self.made


class _Process:
    is_forked = False
    other_device: str | None = None


def check_openvino_is_usable() -> None:
    """Raise :class:`EngineError` in a process forked from one that had used a device other than the CPU.

    A fork does not wait for the threads of such a device; locks that they hold stay locked in the child for ever.
    """
    if _Process.is_forked and _Process.other_device:
        raise EngineError(
            f"OpenVINO cannot be used in a process forked from one that used {_Process.other_device}; "
            "start the process by 'spawn' or 'forkserver'"
        )


def begin_use_of(device: str) -> None:
    """Note that a model is about to run on ``device``. Raises :class:`EngineError` if a fork rules that out."""
    check_openvino_is_usable()
    if device == "CPU":
        return
    if _Process.is_forked:
        raise EngineError(
            f"{device} cannot be used in a process forked from one that used OpenVINO; "
            "open the model on CPU, or start the process by 'spawn' or 'forkserver'"
        )
    _Process.other_device = device


def _before() -> None:
    _making.acquire()
    starting.acquire()
    from omz.runtime.quiet_openvino import core, ov  # which needs this module

    if core.made is None:
        return
    for each in list(PerProcess.all):
        if isinstance(each.made, ov.InferRequest):
            with suppress(RuntimeError):  # of its run; who began that will be told
                each.made.wait()
    ov.Core().get_property("CPU", "FULL_DEVICE_NAME")  # the end of a core is that of threads without a model


def _after() -> None:
    starting.release()
    _making.release()


def _in_child() -> None:
    from omz.runtime.quiet_openvino import core  # as above

    if core.made is not None:
        _Process.is_forked = True
        _exit_without_destructors()
    for each in list(PerProcess.all):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each.made))  # it never ends, for that would hang
        each.made = None
    PerProcess.all.clear()
    _after()


def _exit_without_destructors() -> None:
    """Have the process end before destructors of libraries, which wait for threads too; Python has ended by then."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):  # handlers run in reverse order
        libc.on_exit(libc._exit, None)
        libc.__cxa_atexit(libc.fflush, None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)
