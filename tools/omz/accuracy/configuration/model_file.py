"""Which file holds the model of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omz.accuracy.configuration.schema import Launcher
from omz.errors import UsageError
from omz.zoo.record import printable

_SUFFIXES = {"openvino": (".xml", ".onnx"), "onnx_runtime": (".onnx",)}
"""What each framework runs here as it is."""


def find_model(name: str, launcher: Launcher, models: Path | None, where: str) -> Path:
    """Return the file that the launcher names, relative to the folder ``models``; else ``models``, or the one in it.

    In a folder ``name`` with one of the framework's suffixes comes first, else the only file with such a suffix counts.
    Raises :class:`UsageError` where there is none, or more than one, or weights that do not lie beside the model, or
    the framework does not run it.
    """
    suffixes = _suffixes(launcher, where)
    if launcher.model:
        path = (models or Path()) / launcher.model
        if launcher.weights:
            _check_weights(path, (models or Path()) / launcher.weights, where)
    elif models is None:
        raise _error(where, "no model is named; name its file, or the folder that it is in")
    else:
        path = _search(models, name, suffixes) if models.is_dir() else models
    if not path.is_file():
        raise _error(where, f"there is no model {path}; name another file or folder")
    check_model(path, launcher, where)
    return path


def check_model(model: Path, launcher: Launcher, where: str) -> None:
    """Raise :class:`UsageError` where the launcher's framework runs no such file here, or not on the launcher's device.

    ``where`` says in the message where the launcher stands.
    """
    suffixes, framework = _suffixes(launcher, where), launcher.framework
    if model.suffix == ".blob":
        raise _error(
            where, f"{model} is compiled for one device, which does not run here; name the .xml it was made of"
        )
    if model.suffix not in suffixes:
        others = [other for other, known in _SUFFIXES.items() if model.suffix in known]
        hint = f", or set framework to {others[0]}" if others else ""
        raise _error(where, f"{framework} does not run {model}; name a file that ends in {' or '.join(suffixes)}{hint}")
    if launcher.runs_in == "onnx_runtime" and (launcher.device or "CPU").upper() != "CPU":
        raise _error(where, f"onnx_runtime runs on the CPU here, not on {launcher.device}; leave device out")


def _suffixes(launcher: Launcher, where: str) -> tuple[str, ...]:
    if launcher.runs_in not in _SUFFIXES:
        raise _error(
            where, f"a file does not say which network {launcher.framework} has to build; give a card with --name"
        )
    return _SUFFIXES[launcher.runs_in]


def _check_weights(model: Path, weights: Path, where: str) -> None:
    if weights.with_suffix("") != model.with_suffix(""):
        raise _error(where, f"the weights {weights} do not lie beside the model {model} under its name; rename them")


def _search(folder: Path, name: str, suffixes: Sequence[str]) -> Path:
    for suffix in suffixes:
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    for suffix in suffixes:
        found = sorted(folder.glob(f"*{suffix}"))
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{folder} has {len(found)} models, {found[0].name} and {found[1].name} among them; name one of them"
            )
    raise UsageError(f"{folder} has no model ({', '.join(suffixes)}); name its file, or another folder")


def _error(where: str, message: str) -> UsageError:
    return UsageError(printable(f"{where}: {message}"))
