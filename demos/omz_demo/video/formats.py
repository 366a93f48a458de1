"""What a video is written as: decided by the suffix of its name, and by whether it has alpha."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import av
import cv2

from omz.errors import UsageError, VideoError

_AVX_512 = 13  # CPU_AVX_512F of OpenCV, for which its Python has no name

_MP4_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"})
_MOV_SOUND = frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le"})
_WEBM_SOUND = frozenset({"opus", "vorbis"})
_MKV_SOUND = _MP4_SOUND | _WEBM_SOUND | frozenset({"dts", "truehd", "mp2", "pcm_s16le", "pcm_s24le", "pcm_s32le"})


@dataclass(frozen=True)
class Container:
    """A kind of file: its muxer in FFmpeg, the sound it takes as it is, and what other sound is encoded with.

    ``keeps_times`` says that it takes times in the units of any source; the others round them to milliseconds.
    """

    muxer: str
    sound: frozenset[str]
    sound_encoder: str
    keeps_times: bool


CONTAINERS: Mapping[str, Container] = MappingProxyType(
    {
        ".mp4": Container("mp4", _MP4_SOUND, "aac", True),
        ".mov": Container("mov", _MOV_SOUND, "aac", True),
        ".webm": Container("webm", _WEBM_SOUND, "libopus", False),
        ".mkv": Container("matroska", _MKV_SOUND, "aac", False),
    }
)


@dataclass(frozen=True)
class Format:
    """How frames are encoded; ``container`` is None for a folder of PNG files.

    ``options`` are those of FFmpeg's encoder ``codec``. ``needs_even_size`` says that rows and columns have to be even.
    """

    codec: str
    pixel_format: str
    has_alpha: bool
    container: Container | None
    options: Mapping[str, str]
    needs_even_size: bool = False


def choose_format(path: Path, alpha: bool, *, quality: int | None = None, lossless: bool = False) -> Format:
    """Return what a video at ``path`` is written as: MP4, MOV, WebM, Matroska, or PNG files in a folder.

    ``quality`` is the encoder's constant rate factor, lower is better: H.264 takes 0 to 51 (18 by default), VP9 0 to 63
    (24). ``lossless`` is for VP9, which then keeps the levels of Y'CbCr. ProRes and PNG take neither. Raises
    :class:`UsageError` for another suffix, for alpha where the format has none, and for an option it does not take.
    """
    suffix = path.suffix.lower()
    if suffix in ("", ".png"):
        chosen = Format("png", "rgba" if alpha else "rgb24", alpha, None, {})
    elif suffix not in CONTAINERS:
        raise UsageError(
            f"{path}: no video is written as {suffix}; use {', '.join(CONTAINERS)}, or a folder for PNG files"
        )
    elif suffix == ".webm":
        return _vp9(alpha, 24 if quality is None else quality, lossless)
    elif not alpha:
        return _h264(path, CONTAINERS[suffix], 18 if quality is None else quality, lossless)
    elif suffix == ".mov":
        chosen = _prores()
    else:
        raise UsageError(f"{path}: {suffix} has no alpha; use .mov, .webm, or a folder for PNG files")
    if quality is not None:
        raise UsageError(f"{path}: its quality cannot be chosen; leave that out, or use .mp4 or .webm")
    return chosen


def check_encoder(encoder: str) -> None:
    """Raise :class:`VideoError` where the FFmpeg at hand lacks an encoder."""
    try:
        av.codec.Codec(encoder, "w")
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(
            f"the encoder {encoder} is missing in this build of FFmpeg; pip install --force-reinstall av, "
            "or choose another format"
        ) from error


def _h264(path: Path, container: Container, quality: int, lossless: bool) -> Format:
    """Return H.264 without B-frames: frames come in the order of their times, so that segments can be joined."""
    if lossless or not 0 <= quality <= 51:
        what = "cannot be lossless; use .webm or a folder for PNG files" if lossless else "takes a quality of 0 to 51"
        raise UsageError(f"{path}: H.264 {what}")
    options = {"preset": "veryfast", "crf": str(quality), "bf": "0"}
    if cv2.checkHardwareSupport(_AVX_512):  # with which x264 was seen to encode the same frames in two ways
        options["x264-params"] = "asm=AVX2"
    return Format("libx264", "yuv420p", False, container, options, needs_even_size=True)


def _prores() -> Format:
    options = {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}
    return Format("prores_ks", "yuva444p10le", True, CONTAINERS[".mov"], options)


def _vp9(alpha: bool, quality: int, lossless: bool) -> Format:
    """Return VP9 at its fast setting, a packet a frame: alpha is a stream of its own that has to keep step."""
    if not 0 <= quality <= 63:
        raise UsageError("VP9 takes a quality of 0 to 63")
    options = {"deadline": "realtime", "cpu-used": "5", "row-mt": "1", "lag-in-frames": "0", "auto-alt-ref": "0"}
    options |= {"lossless": "1"} if lossless else {"crf": str(quality), "b": "0"}
    return Format("libvpx-vp9", "yuva420p" if alpha else "yuv420p", alpha, CONTAINERS[".webm"], options)
