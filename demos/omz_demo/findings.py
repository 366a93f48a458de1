"""Findings about this machine: what is there, what is missing, and how to get it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from omz.errors import first_line
from omz.extras import EXTRAS, remedy
from omz.home import can_write, home_folder
from omz_demo.models_at_hand import Model, models_at_hand

_REQUIRED = {  # with modules
    "openvino": "openvino", "numpy": "numpy", "opencv": "cv2", "pillow": "PIL", "av": "av",
    "onnx": "onnx", "onnxruntime": "onnxruntime",
}  # fmt: skip
_OPTIONAL = {
    "torch": "converts PyTorch models",
    "safetensors": "reads their weights",
    "jinja2": "writes accuracy reports",
    "matplotlib": "draws their plots",
    "nncf": "makes INT8 models",
    "mindspore": "converts MindSpore models",
    "pymatting": "refines edges with --refine best",
    "pillow_heif": "reads HEIC images",
    "watchfiles": "watches folders with --watch",
}
"""Packages that the demo does without, and their purpose."""
_DISTRIBUTIONS = {"opencv": ("opencv-python", "opencv-python-headless", "opencv-contrib-python")}
CODECS = {
    "libx264": ("w", "H.264 in .mp4"),
    "prores_ks": ("w", "alpha in .mov"),
    "libvpx-vp9": ("rw", "alpha in .webm"),
    "aac": ("w", "sound in .mp4"),
    "libopus": ("w", "sound in .webm"),
}
"""Modes in which each codec is used, reading or writing, and its purpose."""


@dataclass(frozen=True)
class Device:
    """A device that OpenVINO sees; ``default`` is the precision it prefers, empty if unknown."""

    name: str
    full_name: str
    default: str
    capabilities: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """Findings of the doctor; ``versions`` has None, and ``codecs`` False, for what is missing.

    ``graphs`` has a line for each rewritten model whose graphs were measured.
    ``problems`` keep the demo from running at all; ``hints`` name what else is missing, with a remedy.
    """

    versions: Mapping[str, str | None]
    devices: tuple[Device, ...]
    home: str
    home_is_writable: bool
    cache: str
    cache_is_writable: bool
    codecs: Mapping[str, bool]
    display: bool
    cameras: tuple[str, ...]
    models: tuple[Model, ...]
    graphs: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or 1 if the demo cannot run at all."""
        return int(bool(self.problems))

    @property
    def hints(self) -> tuple[str, ...]:
        """Lines about what is missing, with a remedy each."""
        return tuple(_hints(self))


def examine(models_dir: Sequence[Path] = (), download_dir: Path | None = None) -> Findings:
    """Examine this machine without changing it. Whatever is missing is a finding, not an error."""
    versions = {"python": platform.python_version(), "omz": _version("open-matting-zoo")}
    for name in (*_REQUIRED, *_OPTIONAL):
        versions[name] = _version(name)
    versions["ffmpeg"] = _ffmpeg()
    devices, device_problems = _devices()
    cache, home = _cache(), home_folder()
    display, cameras = _display_and_cameras()
    return Findings(
        versions=versions,
        devices=devices,
        home=str(home),
        home_is_writable=can_write(home),
        cache=str(cache or ""),
        cache_is_writable=cache is not None and can_write(cache),
        codecs=_codecs(),
        display=display,
        cameras=cameras,
        models=tuple(models_at_hand(models_dir, download_dir)),
        graphs=tuple(_graphs()),
        problems=(*_missing_packages(), *device_problems),
    )


def _version(name: str) -> str | None:
    for distribution in _DISTRIBUTIONS.get(name, (name,)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None


def _missing_packages() -> Iterator[str]:
    for name, module in _REQUIRED.items():
        if find_spec(module) is None:
            yield f"{name} is missing; {_pip(name)}"


def _ffmpeg() -> str | None:
    try:
        import av
    except ImportError:
        return None
    known = getattr(av, "ffmpeg_version_info", None)
    return str(known or "libavcodec " + ".".join(map(str, av.library_versions["libavcodec"])))


def _devices() -> tuple[tuple[Device, ...], list[str]]:
    """Return the devices, and what keeps all of them from being used."""
    try:
        from omz.runtime.quiet_openvino import core
    except (ImportError, OSError) as error:
        return (), [f"openvino cannot be loaded: {first_line(error)}; {_pip('openvino')}"]
    found = tuple(map(_device, core().available_devices))
    if not found:
        return (), [f"OpenVINO sees no device; {_pip('openvino')}"]
    return found, []


def _device(name: str) -> Device:
    from omz.runtime.openvino_engine import default_precision
    from omz.runtime.quiet_openvino import core, reason

    try:
        full_name = str(core().get_property(name, "FULL_DEVICE_NAME"))
        capabilities = tuple(map(str, core().get_property(name, "OPTIMIZATION_CAPABILITIES")))
        return Device(name, full_name, default_precision(name), capabilities)
    except RuntimeError as error:
        return Device(name, f"gives no details: {reason(error)}", "", ())


def _codecs() -> dict[str, bool]:
    return {name: _has_codec(name, modes) for name, (modes, _) in CODECS.items()}


def _has_codec(name: str, modes: str) -> bool:
    try:
        from av.codec import Codec

        if "r" in modes:
            Codec(name, "r")
        if "w" in modes:
            Codec(name, "w")
    except (ImportError, ValueError):
        return False
    return True


def _display_and_cameras() -> tuple[bool, tuple[str, ...]]:
    try:
        from omz.video.camera import cameras
        from omz_demo.window import has_display
    except ImportError:
        return False, ()
    return has_display(), cameras()


def _cache() -> Path | None:
    try:
        from omz.convert.cache import cache_folder
    except (ImportError, OSError):  # OpenVINO is missing, which is a problem of its own
        return None
    return cache_folder() / "compiled"


def _graphs() -> Iterator[str]:
    """Yield which graph of a rewritten model is the faster one on this machine."""
    try:
        from omz.models.graph_choice import measured_graphs
    except (ImportError, OSError):
        return
    for each in measured_graphs():
        times = ", ".join(f"{graph} {taken:g} ms" for graph, taken in each.milliseconds.items())
        yield f"{each.model}, {'; '.join(each.inputs)}, {each.device}, {each.precision}: {each.graph} ({times})"


def _hints(found: Findings) -> Iterator[str]:
    for name, purpose in _OPTIONAL.items():
        if found.versions[name] is None:
            yield f"{name} is missing, which {purpose}: {_pip(name)}"
    if not any(device.name.startswith("GPU") for device in found.devices):
        remedy = " (apt-get install intel-opencl-icd)" if sys.platform == "linux" else ""
        yield f"no GPU driver; -d CPU works{remedy}"
    if found.cache and not found.cache_is_writable:
        yield f"{found.cache} is not writable, so each start compiles the model; set OMZ_CACHE_DIR to another folder"
    if not found.home_is_writable:
        yield f"{found.home} is not writable, so models cannot be downloaded; set OMZ_HOME to another folder"
    missing = [f"{name} ({CODECS[name][1]})" for name, present in found.codecs.items() if not present]
    if missing:
        yield f"FFmpeg lacks {', '.join(missing)}: pip install --force-reinstall av"
    if not found.display:
        yield "no display: to record a camera, add --no_show and -o FILE"
    remote = [model for model in found.models if model.command]
    if remote:
        names = ", ".join(model.name for model in remote)
        yield f"models that are downloaded on first use, or now ({remote[0].command}): {names}"


def _pip(name: str) -> str:
    if name in EXTRAS:
        return remedy(name)
    return f"pip install {_DISTRIBUTIONS.get(name, (name,))[0]}"
