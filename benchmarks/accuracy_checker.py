"""How long scoring takes beside Open Model Zoo's accuracy_checker, and what it needs: a table of benchmarks/README.md.

    OMZ_ACCURACY_CHECK=/path/to/accuracy_check python benchmarks/accuracy_checker.py

The variable names the command of openvino-dev 2023.3, the last that brings it, in an environment of its own:

    pip install openvino-dev==2023.3.0 'numpy<1.24' 'opencv-python<4.10' 'scipy<1.12'

Both score the same files with a network that does next to nothing, in f32, by the four metrics of
background-matting-mobilenetv2. Commands take turns, so that ratios hold when the machine's speed drifts; what a frame
takes is the difference of two runs, with more frames and with fewer, over the difference in frames. Where the variable
is not set, only ours is measured.
"""

from __future__ import annotations

import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from commands import Command, Figures, machine, print_table, take_turns, time_processes

RUNS = 5
FRAMES, FEWER, MANY = 30, 10, 3000
CLIP = 10  # frames
SIZE = (720, 1280)
PEAKS = ("largest process MB", "all processes MB")
THEIRS, OURS = "accuracy_checker", "omz_accuracy"
ROLES = ("com", "bgr", "fgr")
GAIN = 1 / 40  # alpha is 1 where picture and plate are 40 levels apart
FIGURES = {"alpha_MAD": "MAD", "alpha_MSE": "MSE", "alpha_GRAD": "GRAD", "foreground_MSE": "foreground MSE"}

CONFIGURATION = """\
models:
  - name: net
    launchers:
      - framework: openvino
        device: CPU
        device_config: {INFERENCE_PRECISION_HINT: f32}
        adapter: {type: background_matting_with_pha_and_fgr, alpha_out: pha, foreground_out: fgr}
        inputs:
          - {name: src, type: INPUT, value: com*}
          - {name: bgr, type: INPUT, value: bgr*}
    datasets:
      - name: frames
        data_source: frames
        annotation_conversion:
          converter: background_matting_sequential
          images_dir: frames
          masks_dir: frames
          backgrounds_dir: frames
          image_prefix: com/
          mask_prefix: fgr/
          background_prefix: bgr/
          with_background: true
          with_alpha: true
        reader: pillow_imread
        preprocessing:
          - type: rgb_to_bgr
          - {type: resize, dst_width: 1280, dst_height: 720, use_pillow: true}
        metrics:
          - {name: alpha_MAD, type: mad, prediction_source: pha, process_type: alpha}
          - {name: alpha_GRAD, type: spatial_gradient, prediction_source: pha, process_type: alpha}
          - {name: alpha_MSE, type: mse_with_mask, prediction_source: pha, process_type: alpha, use_mask: false}
          - {name: foreground_MSE, type: mse_with_mask, prediction_source: fgr, process_type: image, use_mask: true}
"""


def main() -> None:
    if sys.argv[1:2] == ["prepare"]:
        _prepare(Path(sys.argv[2]))
        return
    original = Path(os.environ["OMZ_ACCURACY_CHECK"]) if "OMZ_ACCURACY_CHECK" in os.environ else None
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # in a process of its own, for what this one holds makes the peaks of its children look larger
        subprocess.run([sys.executable, __file__, "prepare", name], check=True)
        commands: dict[str, Command] = {}
        for count in (FRAMES, FEWER):
            if original:
                commands[_title(THEIRS, count)] = _theirs(original, folder, count)
            for jobs in (1, 2):
                commands[_title(f"{OURS} -j {jobs}", count)] = _ours(folder, count, jobs)
        if original:
            _convert(original, folder)
            _check_figures(commands, folder)
        environment = {"HOME": str(folder / "home")}
        figures = take_turns(commands, RUNS, environment=environment, measure=time_processes)
        print_table("whole command", figures, PEAKS)
        _print_frames(figures)
        for jobs in (1, 2):
            many = {_title(f"{OURS} -j {jobs}", MANY): _ours(folder, MANY, jobs)}
            print_table("whole command, once", take_turns(many, 1, measure=time_processes, warm_ups=0), PEAKS)


def _title(command: str, count: int) -> str:
    return f"{command}, {count} frames"


def _theirs(accuracy_check: Path, folder: Path, count: int) -> Command:
    places = ["-c", folder / "config.yml", "-m", folder / "theirs", "-s", folder / str(count)]
    return [accuracy_check, *places, "-td", "CPU"]


def _ours(folder: Path, count: int, jobs: int) -> Command:
    command = Path(sys.executable).with_name("omz_accuracy")
    return [
        command,
        "--models",
        folder / "ours" / "net.xml",
        "--dataset",
        folder / str(count) / "frames",
        "-j",
        str(jobs),
    ]


def _convert(accuracy_check: Path, folder: Path) -> None:
    """Make the original's IR by its own Model Optimizer, for it may not read a newer one."""
    optimizer, target = accuracy_check.with_name("mo"), folder / "theirs"
    command = [optimizer, "--input_model", folder / "net.onnx", "--output_dir", target, "--compress_to_fp16=False"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HOME": str(folder / "home")})


def _check_figures(commands: dict[str, Command], folder: Path) -> None:
    """Stop where the two do not measure the same; the original prints two decimals."""
    theirs, ours = (_said(commands[_title(name, FRAMES)], folder) for name in (THEIRS, f"{OURS} -j 2"))
    for their_name, name in FIGURES.items():
        expected = re.search(rf"^{their_name}: ([\d.]+)", theirs, re.MULTILINE)
        found = re.search(rf"^. {name} [^│]*│ +([\d.]+)", ours, re.MULTILINE)
        if not expected or not found or abs(float(expected[1]) - float(found[1])) > 0.0101:
            raise SystemExit(f"{name} differs: {expected and expected[1]} and {found and found[1]}")
        print(f"{name}: {expected[1]} and {found[1]}")


def _said(command: Command, folder: Path) -> str:
    environment = {**os.environ, "HOME": str(folder / "home"), "COLUMNS": "200"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def _print_frames(figures: Figures) -> None:
    """Print what a frame takes, start and end of the process left out; the speed is that of the first row as 1."""
    medians = {name: statistics.median(seconds) for name, seconds in figures[0].items()}
    commands = [name.partition(",")[0] for name in medians if name.endswith(f", {FRAMES} frames")]
    a_frame = {
        name: (medians[_title(name, FRAMES)] - medians[_title(name, FEWER)]) / (FRAMES - FEWER) for name in commands
    }
    print("\n| a frame, the start left out | ms | frames a second | speed, of the first |\n|---|---|---|---|")
    first = a_frame[commands[0]]
    for name, seconds in a_frame.items():
        print(f"| {name} | {1e3 * seconds:.1f} | {1 / seconds:.1f} | {first / seconds:.2f} |")


def _prepare(folder: Path) -> None:
    """Write frames, network, and what the original asks for."""
    consent = folder / "home" / "intel" / "openvino_telemetry"
    consent.parent.mkdir(parents=True)
    consent.write_text("0")  # no reports: without a network, each would have the original wait
    (folder / "config.yml").write_text(CONFIGURATION)
    _write_net(folder)
    frames = _write_frames(folder / str(FRAMES) / "frames")
    for count in (FEWER, MANY):
        _link_frames(frames, folder / str(count) / "frames", count)


def _write_frames(folder: Path) -> Sequence[dict[str, Path]]:
    """Write synthetic scenes, with grain like that of photographs, as Open Model Zoo lays clips out.

    Those without a subject are left out, for the original has no figure where one frame of many has none.
    """
    from omz.images.files import write_picture
    from omz.synthesis.scene import make_scene

    frames = []
    scenes = (make_scene(number, SIZE, "benchmark") for number in itertools.count())
    for index, scene in enumerate(itertools.islice((each for each in scenes if each.alpha.any()), FRAMES)):
        alpha = np.rint(255 * scene.alpha).astype(np.uint8)
        pictures = (scene.picture, scene.plate, np.dstack([scene.foreground, alpha]))
        frames.append(dict(zip(ROLES, (_path(folder, role, index) for role in ROLES), strict=True)))
        for path, picture in zip(frames[-1].values(), pictures, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, picture)
    return frames


def _link_frames(frames: Sequence[dict[str, Path]], folder: Path, count: int) -> None:
    """Give the files of ``frames`` other names, as often as it takes to have ``count``."""
    for index in range(count):
        for role, path in frames[index % len(frames)].items():
            link = _path(folder, role, index)
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, link)


def _path(folder: Path, role: str, index: int) -> Path:
    return folder / role / f"clip{index // CLIP:03}" / f"{index % CLIP:04}.png"


def _write_net(folder: Path) -> None:
    """Write a network, as ONNX and as IR, whose alpha tells how far picture and plate are apart."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from omz.runtime.quiet_openvino import core, ov

    constants = {"gain": np.float32(GAIN), "rgb": np.array([2, 1, 0]), "levels": np.float32(255)}
    constants |= {"zero": np.float32(0), "one": np.float32(1)}
    nodes = [
        helper.make_node("Sub", ["src", "bgr"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("ReduceMean", ["distance"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "gain"], ["share"]),
        helper.make_node("Clip", ["share", "zero", "one"], ["pha"]),
        helper.make_node("Gather", ["src", "rgb"], ["reversed"], axis=1),
        helper.make_node("Div", ["reversed", "levels"], ["fgr"]),
    ]
    source, *others = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, *SIZE])
        for name, channels in (("src", 3), ("bgr", 3), ("pha", 1), ("fgr", 3))
    )
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "net", [source, others[0]], others[1:], initializers)
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), path)
    ov.save_model(core().read_model(path), folder / "ours" / "net.xml", compress_to_fp16=False)


if __name__ == "__main__":
    main()
