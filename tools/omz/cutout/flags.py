"""The flags of a cutout job, in groups: names, help, and the values they take.

Loading this module loads no image library, for ``--help`` needs the flags alone.
"""

# ruff: noqa: RUF009  # option() is dataclasses.field(), with a flag
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omz.cutout.flag import InputKind, option, setting
from omz.cutout.values import read_range, read_results, read_shard, read_size, read_streams, read_suffix, read_switch
from omz.zoo.vocabulary import QUANTISED

if TYPE_CHECKING:
    from omz.cutout.names import What
    from omz.images.arrays import Size
    from omz.images.placing import Placing
    from omz.matting.plate_fitting import Aligning, Matching
    from omz.zoo.vocabulary import Activation, Refining

GREEN = "#78ff9b"
"""Open Model Zoo's background, BGR (155, 255, 120): for composites without a target."""
STARTER = "background-matting-starter"
WITHOUT_PLATE = "u2netp"
"""The models that are taken if none is asked for: the first with a plate, the second without one."""

NO_PLATE = "none"
"""Stands for no plate, and for the model that needs none."""

WITHOUT_ALPHA = (".mp4", ".mkv")
"""Suffixes of videos that have no alpha."""

_FILES: tuple[InputKind, ...] = ("images", "videos")
_MOVING: tuple[InputKind, ...] = ("videos", "live input")


# fmt: off
@dataclass(frozen=True, kw_only=True)
class InputFlags:
    """Images, videos and live sources to read."""

    inputs: tuple[str, ...] = setting(
        (), "Image, video, folder, pattern, @LIST, camera (0), URL, or - for stdin.", "-i", "--input", many=True,
        names_files=True)
    recursive: bool = setting(False, "Include subfolders.")
    part: tuple[int, int] | None = setting(
        None, "Process shard I of N, to split a job among machines.", "--shard", read=read_shard, metavar="I/N")
    limit: int | None = option(
        None, "Process only the first so many images or frames of each input; 0: all.", takes=int, lowest=0,
        changes_pixels_of=("videos",))
    max_pixels: int | None = setting(
        None, "Most pixels of an image, also of a plate and a target; default: 89478485.", takes=int, lowest=1)
    loop: bool = setting(False, "Restart a video that is only shown when it ends.", works_on=("live input",))
    raw: str | None = setting(
        None, "Size, pixel format and frame rate of raw frames on standard input.", metavar="1280x720:bgr24@30")


@dataclass(frozen=True, kw_only=True)
class PlateFlags:
    """The plate, and how it is fitted to the image."""

    plate: str | None = setting(  # its content counts: Session.facts
        None, "The plate, which is the scene without the subject: an image, a folder or video with one per image, "
        "first or median (of the video), camera, or none.", "--plate", "--background", names_files=True)
    align: Aligning = option(
        "auto", "Align the plate to the image where the camera has moved, or anew for every frame; default: auto.",
        choices=("auto", "frame", "off"), alone="auto", read=partial(read_switch, ("auto", "frame", "off")),
        works_on=_FILES)
    match_exposure: Matching = option(
        "auto", "Match the brightness and tint of the plate to the image where they differ; default: auto.",
        choices=("auto", "off"), alone="auto", read=partial(read_switch, ("auto", "off")), works_on=_FILES)
    plain: bool = setting(
        False, "Leave plate and alpha as they are: --align off, --match_exposure off, --refine off, --fill_holes 0 and "
        "--drop_specks 0, unless given.")


@dataclass(frozen=True, kw_only=True)
class OutputFlags:
    """Results: which, where, and in which format."""

    output: Path | None = setting(
        None, "File, whose suffix sets the format, or folder; default: beside the input. -: standard output.",
        "-o", "--output", takes=Path)
    whats: tuple[What, ...] = option(
        (), "Results: alpha, cutout, foreground, composite; default: composite with a --target, else cutout.", "--what",
        read=read_results, metavar="RESULT,...|all")
    target: str | None = setting(  # its content counts: Session.facts
        None, "New background: an image, folder, video, colour, blur, blur:25 or transparent.", names_files=True)
    fit: Placing = option(
        "cover", "How to fit a target of another size.", choices=("cover", "contain", "stretch", "tile"),
        shows_default=True)
    format: str | None = option(
        None, "Format of files in folders, such as webp or mp4; default: png for images, mov for videos.",
        read=read_suffix, metavar="SUFFIX")
    alpha_bits: Literal["8", "16"] = option(
        "8", "Bits of alpha in PNG and MOV.", choices=("8", "16"), shows_default=True)
    quality: int | None = option(
        None, "Quality of JPEG and WebP, 1 to 100; default: 95 for JPEG, lossless for WebP.", takes=int, lowest=1,
        highest=100, works_on=("images",))
    lossless: bool = option(False, "Encode WebM without loss.", works_on=_MOVING)
    strip: bool = option(False, "Drop EXIF data and colour profiles of the input.", works_on=("images",))
    trimap: Path | None = setting(
        None, "Write the trimap of one image here, with classes in red, green and blue.", takes=Path)
    compare: str | None = setting(
        None, "Write image, alpha and result side by side to FILE; of several images, into a folder.", names_files=True,
        metavar="FILE")
    sound: bool = setting(True, "Keep the sound of videos.", "--sound/--no_sound")
    resize_changes: bool = option(
        False, "Resize frames where a video changes size, instead of stopping.", works_on=("videos",))


@dataclass(frozen=True, kw_only=True)
class MatteFlags:
    """Changes to the matte."""

    input_size: Size | None = option(
        None, "Size at which the network runs; default: what suits the model.", read=read_size, metavar="WxH")
    refine: Refining | None = option(
        None, "Refine hair and edges by the image: fast, best (slow; needs the extra refine) or off; default: as the "
        "model's card says.", choices=("off", "fast", "best"))
    fill_holes: float | None = option(
        None, "Also fill holes up to this area, in pixels, or below 1 as a share of the image; 0 also turns off the "
        "repair by the plate.", takes=float, lowest=0, highest=1e9)
    drop_specks: float | None = option(
        None, "Also remove specks up to this area; 0 also turns off the repair by the plate.", takes=float, lowest=0,
        highest=1e9)
    keep_shadow: bool = option(
        False, "Keep the subject's shadow in cutouts and composites, as black with an alpha of its own; needs a plate.")
    low: float = option(0.0, "Alpha, 0 to 1, that becomes 0.", lowest=0, highest=1)
    high: float = option(1.0, "Alpha, 0 to 1, that becomes 1.", lowest=0, highest=1)
    shift: float = option(
        0.0, "Move the edge outwards by this many pixels; below 0: inwards.", lowest=-1000, highest=1000)
    feather: float = option(0.0, "Blur the edge by this many pixels.", lowest=0, highest=1e9)
    smooth: float = option(
        0.0, "Smooth alpha over time, against flicker: a strength from 0 to 1.", lowest=0, highest=1, works_on=_MOVING)


@dataclass(frozen=True, kw_only=True)
class JobFlags:
    """Control of long jobs."""

    resume: bool = setting(
        False, "Continue a stopped run; keep finished results whose inputs are unchanged.", works_on=_FILES)
    retry_failed: bool = setting(False, "With --resume: retry failed inputs.", needs="resume")
    watch: bool = setting(
        False, "Cut images and videos as they come into the folders that are the input, until Ctrl-C; continues by "
        "itself.",
        works_on=_FILES)
    segment_seconds: float = option(
        10.0, "Length of the segments in which videos are saved; a stopped run loses at most one.", lowest=0.01,
        shows_default=True, changes_pixels_of=("videos",))


@dataclass(frozen=True, kw_only=True)
class ClusterFlags:
    """The machines that work on files together."""

    cluster: str | None = setting(
        None, "Work on all machines of a Ray cluster: auto, the HOST:PORT of its head, or local[N] for N workers here.",
        works_on=_FILES, metavar="auto|HOST:PORT|local[N]")
    timeout: float | None = setting(
        None, "With --cluster: most seconds for an image or a segment of a video; what takes longer is set aside.",
        takes=float, lowest=0.1, works_on=_FILES, needs="cluster")
    mixed: bool = setting(
        False, "With --cluster: take machines with other versions or processors; results may differ in their bytes.",
        works_on=_FILES, needs="cluster")


@dataclass(frozen=True, kw_only=True)
class ModelFlags:
    """The model, and the device it runs on. Whatever of these changes pixels is among the facts of a session."""

    model: str | None = setting(
        None, f"Zoo name, or path of an IR (.xml); default: {STARTER}, or {WITHOUT_PLATE} without a plate.",
        "-m", "--model", names_files=True)
    models_dir: tuple[Path, ...] = setting((), "", "--models_dir", takes=Path, many=True)
    download_dir: Path | None = setting(
        None, "Folder of downloaded models; default: the one omz_demo doctor shows.", takes=Path)
    offline: bool = setting(False, "Download nothing, as with OMZ_OFFLINE=1; a missing file is an error.")
    accept_license: tuple[str, ...] = setting(
        (), "Accept the licence of the model NAME, if it is not permissive; repeatable.", takes=str, many=True,
        metavar="NAME")
    trust_code: bool = setting(False, "Run code that comes with the model, to convert it on first use.")
    device: str = setting("CPU", "OpenVINO device: CPU, GPU, AUTO, …", "-d", "--device", shows_default=True)
    precision: str = setting(
        "auto", "Precision of inference. default: that of the device; auto: the same, or f32 where that is inaccurate; "
        "FP16-INT8: 8 bits, by the IR of omz_quantizer.",
        choices=("auto", "f32", "f16", "bf16", "default", *QUANTISED), shows_default=True)
    graph: Literal["auto", "sparse", "dense"] = setting(
        "auto", "Graph of a rewritten model; auto: the faster one, measured when the model is first used on a device.",
        choices=("auto", "sparse", "dense"), shows_default=True)
    num_requests: int | None = setting(
        None, "Parallel inferences; default: one more than the device's optimum.", takes=int, lowest=0)
    num_streams: int | None = setting(
        None, "OpenVINO's NUM_STREAMS; AUTO: its own choice.", read=read_streams, metavar="INTEGER")
    num_threads: int | None = setting(None, "OpenVINO's INFERENCE_NUM_THREADS.", takes=int, lowest=1)
    hint: Literal["throughput", "latency"] | None = setting(
        None, "Optimise for frames per second (default for files), or for a short delay (default for cameras).",
        "--throughput/--latency", choices=("throughput", "latency"))


@dataclass(frozen=True, kw_only=True)
class RoleFlags:
    """The inputs and outputs of a model that does not say what they are; they are among the facts of a session."""

    picture: str | None = setting(None, "Input that takes the image.", metavar="NAME")
    plate_input: str | None = setting(None, "Input that takes the plate.", metavar="NAME")
    alpha: str | None = setting(None, "Output, and its channel from 0, that is alpha.", metavar="NAME[:CHANNEL]")
    foreground: str | None = setting(
        None, "Output, and the first of its three channels, that is the foreground, RGB.", metavar="NAME[:CHANNEL]")
    state: tuple[str, ...] = setting(
        (), "Output that goes into an input with the next frame, of a recurrent model.", many=True,
        metavar="OUTPUT=INPUT")
    activation: Activation | None = setting(
        None, "Step from the output to alpha: sigmoid of logits, softmax over channels, min_max over the image.",
        choices=("none", "sigmoid", "softmax", "min_max"))
    alpha_range: tuple[float, float] | None = setting(
        None, "Values that stand for alpha 0 and 1, without activation.", read=read_range, metavar="LOW,HIGH")


@dataclass(frozen=True, kw_only=True)
class ScreenFlags:
    """The window; files never depend on it."""

    show: bool | None = setting(
        None, "Show frames in a window; default for cameras.", "--show/--no_show", takes=bool)
    metrics: bool = setting(
        False, "Show frames per second in the window, never in files.", works_on=_MOVING, needs="show")
    show_with_original_frame: bool = setting(False, "Show the original beside the result.")
    output_resolution: Size | None = setting(None, "Size of what the window shows.", read=read_size, metavar="WxH")


@dataclass(frozen=True, kw_only=True)
class SummaryFlags:
    """The report at the end of a job."""

    json: bool = setting(False, "Print the summary as JSON.")
    report: Path | None = setting(None, "Also write the summary as JSON to FILE.", takes=Path, metavar="FILE")
    review: Path | None = setting(
        None, "Write review.html into DIR: a page to look through the results, worst first.", takes=Path, metavar="DIR")
    profile: bool = setting(False, "Show the time each stage took, and what was repaired in alpha.")


GROUPS: Mapping[str, type] = {
    "Input": InputFlags, "Plate": PlateFlags, "Output": OutputFlags, "Matte": MatteFlags, "Long jobs": JobFlags,
    "Cluster": ClusterFlags, "Model and device": ModelFlags, "Roles in a model": RoleFlags, "Window": ScreenFlags,
    "Summary": SummaryFlags,
}
# fmt: on
