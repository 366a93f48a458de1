"""What is on this machine, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from omz.errors import first_line
from omz_demo.models_at_hand import Model, models_at_hand

_NEEDED = {"openvino": "openvino", "numpy": "numpy", "opencv": "cv2", "pillow": "PIL", "av": "av"}
_USED = {"onnx": "onnx", "onnxruntime": "onnxruntime", "torch": "torch", "nncf": "nncf", "mindspore": "mindspore"}
_DISTRIBUTIONS = {"opencv": ("opencv-python", "opencv-python-headless", "opencv-contrib-python")}
_EXTRAS = {"nncf": "int8", "mindspore": "mindspore"}
CODECS = {
    "libx264": ("w", "H.264 in .mp4"),
    "prores_ks": ("w", "alpha in .mov"),
    "libvpx-vp9": ("rw", "alpha in .webm"),
    "aac": ("w", "sound in .mp4"),
    "libopus": ("w", "sound in .webm"),
}
"""How a codec is used, reading or writing, and for what."""
_GPU_DRIVER = "apt-get install intel-opencl-icd"


@dataclass(frozen=True)
class Device:
    """A device that OpenVINO sees; ``default`` is the precision it takes unless told otherwise, empty if unknown."""

    name: str
    full_name: str
    default: str
    capabilities: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """What the doctor found; ``versions`` and ``codecs`` are None and False where something is missing.

    ``problems`` keep the demo from running at all; ``hints`` say what else is missing and how to get it.
    """

    versions: Mapping[str, str | None]
    devices: tuple[Device, ...]
    cache: str
    cache_is_writable: bool
    codecs: Mapping[str, bool]
    display: bool
    cameras: tuple[str, ...]
    models: tuple[Model, ...]
    problems: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0; 1 where the demo cannot run at all."""
        return 1 if self.problems else 0


def examine(models_dir: Sequence[Path] = (), download_dir: Path = Path()) -> Findings:
    """Look at this machine, without changing anything on it; nothing that is missing raises."""
    versions = {"python": platform.python_version(), "omz": _version("open-matting-zoo")}
    versions |= {name: _version(name) for name in (*_NEEDED, *_USED)} | {"ffmpeg": _ffmpeg()}
    devices, device_problem = _devices()
    problems = [
        f"{name} is missing; {_pip(name)}" for name, module in _NEEDED.items() if find_spec(module) is None
    ] + device_problem
    cache = _cache()
    codecs = _codecs()
    display, cameras = _screen_and_cameras()
    models = tuple(models_at_hand(models_dir, download_dir))
    writable = cache is not None and _is_writable(cache)
    return Findings(
        versions, devices, str(cache or ""), writable, codecs, display, cameras, models, tuple(problems),
        tuple(_hints(versions, devices, cache, writable, codecs, display, models)),
    )  # fmt: skip


def _version(name: str) -> str | None:
    for distribution in _DISTRIBUTIONS.get(name, (name,)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None


def _ffmpeg() -> str | None:
    try:
        import av
    except ImportError:
        return None
    return str(getattr(av, "ffmpeg_version_info", None) or "libavcodec " + _dotted(av.library_versions["libavcodec"]))


def _dotted(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))


def _devices() -> tuple[tuple[Device, ...], list[str]]:
    """Return the devices, and what keeps all of them from being used."""
    try:
        from omz.runtime.openvino_engine import default_precision
        from omz.runtime.openvino_errors import reason
        from omz.runtime.quiet_openvino import core
    except (ImportError, OSError) as error:
        return (), [f"openvino cannot be loaded: {first_line(error)}; {_pip('openvino')}"]

    def told(name: str) -> Device:
        try:
            full_name = str(core().get_property(name, "FULL_DEVICE_NAME"))
            capabilities = tuple(map(str, core().get_property(name, "OPTIMIZATION_CAPABILITIES")))
            return Device(name, full_name, default_precision(name), capabilities)
        except RuntimeError as error:
            return Device(name, f"says nothing of itself: {reason(error)}", "", ())

    found = tuple(map(told, core().available_devices))
    return found, [] if found else [f"OpenVINO sees no device; {_pip('openvino')}"]


def _codecs() -> dict[str, bool]:
    try:
        from av.codec import Codec
    except ImportError:
        return dict.fromkeys(CODECS, False)

    def is_there(name: str, modes: str) -> bool:
        try:
            for mode in modes:
                Codec(name, "r" if mode == "r" else "w")
        except ValueError:
            return False
        return True

    return {name: is_there(name, modes) for name, (modes, _) in CODECS.items()}


def _screen_and_cameras() -> tuple[bool, tuple[str, ...]]:
    try:
        from omz_demo.inputs.camera import cameras
        from omz_demo.outputs.window import has_display
    except ImportError:
        return False, ()
    return has_display(), cameras()


def _cache() -> Path | None:
    try:
        from omz.convert.store import cache_folder
    except (ImportError, OSError):  # that of OpenVINO, which is told of above
        return None
    return cache_folder() / "compiled"


def _is_writable(folder: Path) -> bool:
    there = next((each for each in (folder, *folder.absolute().parents) if each.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _hints(
    versions: Mapping[str, str | None],
    devices: Sequence[Device],
    cache: Path | None,
    writable: bool,
    codecs: Mapping[str, bool],
    display: bool,
    models: Sequence[Model],
) -> Iterable[str]:
    for name in _USED:
        if versions[name] is None:
            yield f"{name} is missing: {_pip(name)}"
    if not any(device.name.startswith("GPU") for device in devices):
        yield f"no GPU driver; -d CPU works{f' ({_GPU_DRIVER})' if sys.platform == 'linux' else ''}"
    if cache is not None and not writable:
        yield f"{cache} cannot be written: models are compiled at each start; set OMZ_CACHE_DIR to another folder"
    missing = [f"{name} ({CODECS[name][1]})" for name, present in codecs.items() if not present]
    if missing:
        yield f"FFmpeg lacks {', '.join(missing)}: pip install --force-reinstall av"
    if not display:
        yield "no display: add --no_show"
    for model in models:
        if model.command:
            yield f"{model.name} is not downloaded: {model.command}"


def _pip(name: str) -> str:
    wanted = f"'open-matting-zoo[{_EXTRAS[name]}]'" if name in _EXTRAS else _DISTRIBUTIONS.get(name, (name,))[0]
    return f"pip install {wanted}"
