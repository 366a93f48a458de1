"""The flags of ``omz_demo``, in the order in which its help has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from omz.cli.command import below
from omz.cli.selection import models_dir_option

Function = TypeVar("Function", bound=Callable[..., Any])

STARTER = "background-matting-starter"

_PATH = click.Path(path_type=Path)
_ANY = click.FloatRange(-1000, 1000)
_SHARE = click.FloatRange(0, 1)
_LENGTH = click.FloatRange(0, 1e9)

_flag = below("What to cut")
_INPUTS = (
    click.argument("positional", nargs=-1, metavar="[INPUT]..."),
    _flag(
        "-i", "--input", "named", multiple=True,
        help="A picture, video, folder, pattern, @LIST, camera (0), URL, or - for standard input.",
    ),
    _flag("--recursive", is_flag=True, help="Take the folders below a folder, too."),
    _flag("--shard", metavar="I/N", help="The I-th of N shares of the inputs, for several machines."),
    _flag("--limit", type=click.IntRange(0), help="The first so many frames of each input; 0: all."),
    _flag("--loop", is_flag=True, help="Begin again after the end of a video that is shown."),
    _flag("--raw", metavar="1280x720:bgr24@30", help="What raw frames on standard input are."),
)  # fmt: skip
_flag = below("The plate")
_PLATE = (
    _flag(
        "--background", "--plate", "plate",
        help="The scene without the subject: a picture, a folder or video with one a frame, first or median (of the "
        "video), or camera.",
    ),
    _flag(
        "--align", type=click.Choice(["off", "auto", "frame"]), default="off", show_default=True,
        help="Lay the plate over the picture: once for a video, or for every frame.",
    ),
    _flag("--match_exposure", is_flag=True, help="Give the plate the brightness and tint of the picture."),
)  # fmt: skip
_flag = below("What comes of it")
_OUTPUT = (
    _flag(
        "-o", "--output", type=_PATH,
        help="A file, whose suffix is the format, or a folder; default: beside the input. - : standard output.",
    ),
    _flag("--what", metavar="RESULT,...|all", help="alpha, cutout, foreground, composite; default: by target."),
    _flag("--target", help="What is behind: a picture, folder, video, colour, blur, blur:25, transparent."),
    _flag(
        "--fit", type=click.Choice(["cover", "contain", "stretch", "tile"]), default="cover", show_default=True,
        help="How a target of another size is made to fit.",
    ),
    _flag("--format", metavar="SUFFIX", help="The format in folders, such as webp or mp4; default: png, mov."),
    _flag("--alpha_bits", type=click.Choice(["8", "16"]), default="8", show_default=True, help="In PNG, MOV."),
    _flag("--quality", type=click.IntRange(1, 100), help="Of JPEG and WebP; default: 95, lossless."),
    _flag("--lossless", is_flag=True, help="VP9 without loss."),
    _flag("--strip", is_flag=True, help="Leave out EXIF data and colour profiles of the input."),
    _flag("--trimap", type=_PATH, help="A file for the trimap of one picture: red, green, blue are classes."),
    _flag("--sound/--no_sound", default=True, help="Keep the sound of videos."),
    _flag("--resize_changes", is_flag=True, help="Go on where a video changes its size."),
)  # fmt: skip
_flag = below("The matte")
_MATTE = (
    _flag("--input_size", metavar="WxH", help="The size at which the network sees pictures; default: own."),
    _flag("--fill_holes", type=_LENGTH, default=0, help="Fill holes up to this area: pixels, below 1 a share."),
    _flag("--drop_specks", type=_LENGTH, default=0, help="Drop islands up to this area."),
    _flag("--low", type=_SHARE, default=0, help="The alpha that becomes 0."),
    _flag("--high", type=_SHARE, default=1, help="The alpha that becomes 1."),
    _flag("--shift", type=_ANY, default=0, help="Move the edge outwards, in pixels; below 0: inwards."),
    _flag("--feather", type=_LENGTH, default=0, help="Soften the edge, in pixels."),
    _flag("--smooth", type=_SHARE, default=0, help="Calm flicker of a video."),
)  # fmt: skip
_flag = below("Long jobs")
_JOB = (
    _flag("--resume", is_flag=True, help="Go on where a run was stopped; what is done and unchanged stays."),
    _flag("--retry_failed", is_flag=True, help="With --resume: try again what failed."),
    _flag("--segment_seconds", type=click.FloatRange(0.01), default=10.0, show_default=True,
                 help="How much of a video a stopped run can lose."),
)  # fmt: skip
_flag = below("Model and device")
_DEVICE = (
    _flag("-m", "--model", default=STARTER, show_default=True, help="A name of the zoo, or an IR (.xml)."),
    models_dir_option,
    _flag("--download_dir", type=_PATH, default=".", help="Where a downloaded model is."),
    _flag("-d", "--device", default="CPU", show_default=True, help="An OpenVINO device: CPU, GPU, AUTO, …"),
    _flag(
        "--precision", type=click.Choice(["auto", "f32", "f16", "bf16", "default"]), default="auto", show_default=True,
        help="Precision of execution; default: what the device prefers; auto: that, where it was seen to do no harm.",
    ),
    _flag("--num_requests", type=click.IntRange(0), help="Inferences at a time; 0: the device's best, and one."),
    _flag("--num_streams", metavar="INTEGER", help="OpenVINO's NUM_STREAMS; AUTO: its choice."),
    _flag("--num_threads", type=click.IntRange(1), help="OpenVINO's INFERENCE_NUM_THREADS."),
    _flag("--throughput", "hint", flag_value="throughput", help="Many frames a second: the default for files."),
    _flag("--latency", "hint", flag_value="latency", help="Each frame soon: the default for cameras."),
)  # fmt: skip
_flag = below("On the screen")
_SHOW = (
    _flag("--show/--no_show", "show", default=None, help="Show frames; the default for cameras."),
    _flag("--metrics", is_flag=True, help="Write frames a second on what is shown, never into files."),
    _flag("--show_with_original_frame", is_flag=True, help="Show the original beside it."),
    _flag("--output_resolution", metavar="WxH", help="The size of what is shown."),
)  # fmt: skip
_flag = below("In words")
_WORDS = (
    _flag("--json", is_flag=True, help="Print the summary as JSON."),
    _flag("--report", type=_PATH, metavar="FILE", help="Write the summary as JSON, too."),
    _flag("--profile", is_flag=True, help="Tell where the time went."),
    _flag("--example", is_flag=True, help="Show yourself on an embedded synthetic pair; so without any input."),
)  # fmt: skip
_OPEN_MODEL_ZOO = tuple(
    _flag(*names, hidden=True, **more)
    for names, more in (
        (("--adapter",), {}),
        (("-t", "--prob_threshold"), {"type": float}),
        (("--labels",), {}),
        (("--layout",), {}),
        (("--resize_type",), {"type": click.Choice(["crop", "standard", "fit_to_window", "fit_to_window_letterbox"])}),
        (("-u", "--utilization_monitors"), {}),
        (("-r", "--raw_output_message"), {"is_flag": True}),
        (("--output_limit",), {"type": int, "default": 0}),
        (("--num_infer_requests",), {"type": int}),
        (("--target_bgr",), {}),
        (("--blur_bgr",), {"type": int, "default": 0}),
    )
)

_GROUPS = (_INPUTS, _PLATE, _OUTPUT, _MATTE, _JOB, _DEVICE, _SHOW, _WORDS, _OPEN_MODEL_ZOO)


def with_flags(function: Function) -> Function:
    """Give a command all flags."""
    for decorate in reversed([each for group in _GROUPS for each in group]):
        function = decorate(function)
    return function
