"""Which file holds the model of a configuration."""

from __future__ import annotations

from pathlib import Path

from omz.accuracy.configuration.schema import Launcher
from omz.errors import UsageError

_SUFFIXES = {
    "openvino": (".xml", ".blob", ".onnx"),
    "onnx_runtime": (".onnx",),
    "pytorch": (".safetensors", ".pth", ".pt", ".ckpt"),
}


def find_model(name: str, framework: str, launcher: Launcher, models: Path | None, where: str) -> Path:
    """Return the file that the launcher names, relative to the folder ``models``; else ``models``, or the one in it.

    In a folder ``name`` with one of the framework's suffixes comes first, else the only file with such a suffix counts.
    Raises :class:`UsageError` where there is none, or more than one, or weights that do not lie beside the model.
    """
    if launcher.model:
        path = (models or Path()) / launcher.model
        if launcher.weights:
            _check_weights(path, (models or Path()) / launcher.weights, where)
    elif models is None:
        raise UsageError(f"{where}: no model is named; name its file, or the folder that it is in")
    else:
        path = _search(models, name, _SUFFIXES[framework]) if models.is_dir() else models
    if not path.is_file():
        raise UsageError(f"{where}: there is no model {path}; name another file or folder")
    return path


def _check_weights(model: Path, weights: Path, where: str) -> None:
    if weights.with_suffix("") != model.with_suffix(""):
        raise UsageError(
            f"{where}: the weights {weights} do not lie beside the model {model} under its name; rename them"
        )


def _search(folder: Path, name: str, suffixes: tuple[str, ...]) -> Path:
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
