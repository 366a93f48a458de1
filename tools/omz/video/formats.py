"""Formats of written videos, chosen by the suffix of the name, and by alpha."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2

from omz.errors import UsageError, VideoError

_AVX_512 = 13  # CPU_AVX_512F of OpenCV, for which its Python has no name

_MP4_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"})
_MOV_SOUND = frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le"})
_WEBM_SOUND = frozenset({"opus", "vorbis"})
_MKV_SOUND = _MP4_SOUND | _WEBM_SOUND | frozenset({"dts", "truehd", "mp2", "pcm_s16le", "pcm_s24le", "pcm_s32le"})


@dataclass(frozen=True)
class Container:
    """A kind of file: its muxer in FFmpeg, the codecs of sound it takes, and the encoder for other sound.

    ``keeps_times`` says that it takes times in the units of any source; others round them to milliseconds.
    """

    muxer: str
    sound: frozenset[str]
    sound_encoder: str
    keeps_times: bool


CONTAINERS: Mapping[str, Container] = {
    ".mp4": Container("mp4", _MP4_SOUND, "aac", True),
    ".mov": Container("mov", _MOV_SOUND, "aac", True),
    ".webm": Container("webm", _WEBM_SOUND, "libopus", False),
    ".mkv": Container("matroska", _MKV_SOUND, "aac", False),
}

_OF_ANIMATIONS = Container("mov", frozenset(), "aac", True)


@dataclass(frozen=True)
class AnimationFormat:
    """Format of an animation: FFmpeg's muxer, encoder and pixel format, their options, the unit of times in seconds.

    ``last_unit`` is that of the duration of the last frame, in seconds, if the muxer has to be told.
    """

    muxer: str
    codec: str
    pixel_format: str
    time_base: Fraction
    muxer_options: Mapping[str, str]
    options: Mapping[str, str]
    last_unit: Fraction | None = None


_APNG = AnimationFormat("apng", "apng", "rgba", Fraction(1, 1000), {"plays": "0"}, {}, last_unit=Fraction(1))

ANIMATIONS: Mapping[str, AnimationFormat] = {
    ".apng": _APNG,
    ".gif": AnimationFormat("gif", "gif", "pal8", Fraction(1, 100), {}, {}, last_unit=Fraction(1, 100)),
    ".png": _APNG,
    ".webp": AnimationFormat("webp", "libwebp_anim", "bgra", Fraction(1, 1000), {"loop": "0"}, {"lossless": "1"}),
}
"""Formats of animations, by suffix."""


@dataclass(frozen=True)
class Format:
    """Encoding of frames; ``container`` is None for a folder of PNG files.

    That of an animation is without loss, for its segments, from which it is encoded as a whole at the end.

    ``options`` are those of FFmpeg's encoder ``codec``. ``needs_even_size`` says that rows and columns must be even.
    """

    codec: str
    pixel_format: str
    has_alpha: bool
    container: Container | None
    options: Mapping[str, str]
    needs_even_size: bool = False


def choose_format(path: Path, alpha: bool, *, lossless: bool = False) -> Format:
    """Return the format of a video at ``path``: MP4, MOV, WebM, Matroska, an animation, or PNG files in a folder.

    ``lossless`` is for VP9, which then keeps the levels of Y'CbCr; formats without loss ignore it. Raises
    :class:`UsageError` for another suffix, and for alpha or ``lossless`` if the format has none.
    """
    suffix = path.suffix.lower()
    if not suffix:
        return Format("png", "rgba" if alpha else "rgb24", alpha, None, {})
    if suffix in ANIMATIONS:
        return Format("magicyuv", "gbrap" if alpha else "gbrp", alpha, _OF_ANIMATIONS, {})
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{path}: videos cannot be written as {suffix}; use {', '.join(CONTAINERS)}, or a folder for PNG files"
        )
    if suffix == ".webm":
        return _vp9(alpha, lossless)
    if not alpha and lossless:
        raise UsageError(f"{path}: H.264 cannot be lossless; use .webm or a folder for PNG files")
    if not alpha:
        return _h264(CONTAINERS[suffix])
    if suffix == ".mov":
        return _prores()
    raise UsageError(f"{path}: {suffix} has no alpha; use .mov, .webm, or a folder for PNG files")


def segment_suffix(output: Path) -> str:
    """Return the suffix of the segments of a video: that of the video, but for an animation."""
    suffix = output.suffix
    return ".mov" if suffix.lower() in ANIMATIONS else suffix


def check_encoder(encoder: str) -> None:
    """Raise :class:`VideoError` if this FFmpeg lacks an encoder."""
    import av

    try:
        av.codec.Codec(encoder, "w")
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(
            f"the encoder {encoder} is missing in this build of FFmpeg; pip install --force-reinstall av, "
            "or choose another format"
        ) from error


def _h264(container: Container) -> Format:
    """Return H.264 without B-frames: frames come in the order of their times, so that segments can be joined."""
    options = {"preset": "veryfast", "crf": "18", "bf": "0"}
    if cv2.checkHardwareSupport(_AVX_512):  # x264 was seen to encode the same frames in two ways with it
        options["x264-params"] = "asm=AVX2"
    return Format("libx264", "yuv420p", False, container, options, needs_even_size=True)


def _prores() -> Format:
    options = {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}
    return Format("prores_ks", "yuva444p10le", True, CONTAINERS[".mov"], options)


def _vp9(alpha: bool, lossless: bool) -> Format:
    """Return VP9 at its fast setting, a packet a frame: alpha is a stream of its own that must keep step."""
    options = {"deadline": "realtime", "cpu-used": "5", "row-mt": "1", "lag-in-frames": "0", "auto-alt-ref": "0"}
    options |= {"lossless": "1"} if lossless else {"crf": "24", "b": "0"}
    return Format("libvpx-vp9", "yuva420p" if alpha else "yuv420p", alpha, CONTAINERS[".webm"], options)
