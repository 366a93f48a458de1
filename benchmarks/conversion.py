"""How long conversions take beside Open Model Zoo's, and what they need: tables of benchmarks/README.md.

    OMZ_LEGACY_PYTHON=/path/to/python python benchmarks/conversion.py
    python benchmarks/conversion.py before 81e50f8

The variable names a Python that has openvino-dev 2024.6, whose converter runs its Model Optimizer. Commands take turns,
so that ratios hold when the machine's speed drifts; the ratios are of medians. Of many models, the original's commands
run once, for they take minutes. The second form compares this checkout with a commit, or another checkout, on the
published structure of background matting, and times the first use of u2netp, if ``make`` has fetched its weights. CPU
time counts all cores, and holds on a machine that others use, too.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from commands import Command, Figures, machine, models_of, print_table, take_turns, time_processes

RUNS = 7
RUNS_OF_MANY = 5
SMALL = "anti-spoof-mn3"
PUBLISHED = "background-matting-mobilenetv2"
NET = "net.onnx"
REFINED = 80_000  # pixels, as published
HERE = Path(__file__).parents[1]
WEIGHTS = HERE / "build" / "weights"
PEAKS = ("largest process MB", "all processes MB")
THEIRS, OURS = "openvino-dev 2024.6", "Open Matting Zoo"

WITH_CARDS_OF = """
import pathlib, sys
from omz_tools import _common, omz_converter
_common.MODEL_ROOT = pathlib.Path(sys.argv.pop(1))
omz_converter.main()
"""
"""The original's converter, which knows the cards of its package only, with those of another folder."""

Card = dict[str, Any]


def main() -> None:
    if sys.argv[1:2] == ["prepare"]:
        _prepare(*map(Path, sys.argv[2:]))
        return
    if sys.argv[1:2] == ["prepare_published"]:
        _prepare_published(Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["before"]:
        with _tree_of(sys.argv[2]) as before:
            _compare_with_before(before)
        return
    legacy = Path(os.environ["OMZ_LEGACY_PYTHON"])
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        # in a process of its own, for one that holds PyTorch makes the peaks of its children look larger
        subprocess.run([sys.executable, __file__, "prepare", folder, models_of(legacy)], check=True)
        converters = _Converters(Path(folder), legacy)
        _compare_one(converters, SMALL, "one small model")
        _compare_one(converters, PUBLISHED, "one model of 20 MB")
        _compare_many(converters)


@contextmanager
def _tree_of(place: str) -> Iterator[Path]:
    """Yield a checkout: the folder ``place``, or a temporary one of that commit."""
    if Path(place).is_dir():
        yield Path(place).resolve()
        return
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name, "tree")
        subprocess.run(["git", "-C", HERE, "worktree", "add", "-q", "--detach", tree, place], check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "-C", HERE, "worktree", "remove", "--force", tree], check=True)


@dataclass(frozen=True)
class _Taken:
    """Seconds of a command, on the clock and of CPU time, and the peak memory of its largest process in MB."""

    wall: float
    cpu: float
    peak: float


def _taken(command: Command, environment: Mapping[str, str]) -> _Taken:
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise subprocess.CalledProcessError(process.returncode, [*map(str, command)])
    return _Taken(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _compare_with_before(before: Path) -> None:
    """Compare the converter of this checkout with that of ``before``, in two precisions and with a comparison."""
    print(machine())
    trees, taken = {"before": before, "now": HERE}, {"before": [], "now": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, "prepare_published", folder], check=True)
        places = ["--models_dir", folder / "models", "-d", folder / "downloads", "-o", folder / "out"]
        for run in range(RUNS + 1):
            for title, root in trees.items():
                shutil.rmtree(folder / "out", ignore_errors=True)
                command = [sys.executable, "-m", "omz.cli.converter", "--name", PUBLISHED, *places]
                found = _taken(command, _environment_of(root, folder / title))
                if run:
                    taken[title].append(found)
        _print_taken("the published structure of 20 MB, FP16 and FP32", taken)
        ratios = []
        for field in ("wall", "cpu", "peak"):
            pairs = zip(taken["now"], taken["before"], strict=True)
            ratios.append(statistics.median(getattr(new, field) / getattr(old, field) for new, old in pairs))
        print("| now / before | {:.2f} | | {:.2f} | {:.2f} |".format(*ratios))
        if WEIGHTS.is_dir():
            _print_taken("`omz_demo -m u2netp photo.png`, nothing converted yet", {"now": _first_uses(folder)})


def _environment_of(tree: Path, cache: Path) -> dict[str, str]:
    """Return an environment in which the sources of ``tree`` run, with a ``cache`` of their own."""
    return {
        "PYTHONPATH": os.pathsep.join([str(tree / "tools"), str(tree / "demos")]),
        "OMZ_CACHE_DIR": str(cache),
    }


def _first_uses(folder: Path) -> list[_Taken]:
    photo, cut = folder / "photo.png", folder / "cut.png"
    script = (
        "import sys; from pathlib import Path; from omz.images.files import write_picture; "
        "from omz.synthesis.scene import make_scene; "
        "write_picture(Path(sys.argv[1]), make_scene(42, (720, 1280), 'example').picture)"
    )
    subprocess.run([sys.executable, "-c", script, photo], check=True)
    words = ["-m", "u2netp", photo, "-o", cut, "--download_dir", WEIGHTS]
    taken = []
    for _ in range(RUNS):
        shutil.rmtree(folder / "first", ignore_errors=True)
        cut.unlink(missing_ok=True)
        taken.append(_taken([sys.executable, "-m", "omz_demo", *words], _environment_of(HERE, folder / "first")))
    return taken


def _print_taken(title: str, taken: Mapping[str, list[_Taken]]) -> None:
    print(f"\n| {title} | median s | min | median CPU s | peak memory MB |\n|---|---|---|---|---|")
    for name, runs in taken.items():
        walls = [each.wall for each in runs]
        figures = f"{statistics.median(walls):.2f} | {min(walls):.2f} | {statistics.median(e.cpu for e in runs):.2f}"
        print(f"| {name} | {figures} | {max(each.peak for each in runs):.0f} |", flush=True)


def _prepare_published(folder: Path) -> None:
    """Write a card of the published model, and a file of its structure with generated weights."""
    sys.path.insert(0, str(HERE / "tests"))
    import json

    import numpy as np
    import torch
    from helpers.builders import write_published_zoo
    from helpers.generated_weights import generated_tensor
    from helpers.published_graph import save_published_graph, trained

    from omz.networks.background_matting import BackgroundMatting

    state = {}
    names = json.loads((HERE / "tests" / "data" / "background_matting_state_dict.json").read_text())
    for name, entry in names.items():
        state[name] = torch.from_numpy(np.array(generated_tensor(name, tuple(entry["shape"]))))
    network = trained(BackgroundMatting(refine_sample_pixels=REFINED), state)
    write_published_zoo(folder, PUBLISHED, lambda path: save_published_graph(path, network))


@dataclass(frozen=True)
class _Converters:
    """The two converters, at work on what is prepared below ``folder``: ``one`` or ``many``."""

    folder: Path
    legacy: Path

    def ours(self, kind: str, *flags: str | Path) -> Command:
        converter = Path(sys.executable).with_name("omz_converter")
        return [converter, "--models_dir", self.folder / kind / "zoo", *self._places(kind), *flags]

    def theirs(self, kind: str, *flags: str | Path) -> Command:
        installed = [self.legacy.with_name("omz_converter")]
        with_other_cards = [self.legacy, "-c", WITH_CARDS_OF, self.folder / "many" / "zoo"]
        return [*(installed if kind == "one" else with_other_cards), *self._places(kind), *flags]

    def _places(self, kind: str) -> Command:
        return ["-d", self.folder / kind / "files", "-o", self.folder / "out"]

    def take_turns(self, commands: Mapping[str, Command], runs: int, warm_ups: int = 1) -> Figures:
        """Run commands, each into an empty folder."""
        path = f"{self.legacy.parent}{os.pathsep}{os.environ['PATH']}"  # where the original looks for mo
        return take_turns(
            commands,
            runs,
            lambda: shutil.rmtree(self.folder / "out", ignore_errors=True),
            {"HOME": str(self.folder / "home"), "PATH": path},
            time_processes,
            warm_ups,
        )


def _compare_one(converters: _Converters, name: str, title: str) -> None:
    commands = {
        THEIRS: converters.theirs("one", "--name", name),
        OURS: converters.ours("one", "--name", name),
        f"{OURS}, `--check none`": converters.ours("one", "--name", name, "--check", "none"),
    }
    print_table(f"{title}, FP16 and FP32", converters.take_turns(commands, RUNS), PEAKS)


def _compare_many(converters: _Converters) -> None:
    names = converters.folder / "names.txt"
    theirs = {f"{THEIRS}, `-j 1`": converters.theirs("many", "--list", names)}
    ours = {
        f"{OURS}, `{' '.join(flags)}`": converters.ours("many", "--list", names, *flags)
        for flags in (("-j", "1"), ("-j", "2"), ("-j", "1", "--check", "none"), ("-j", "2", "--check", "none"))
    }
    once = converters.take_turns(theirs, 1, warm_ups=0)
    often = converters.take_turns(ours, RUNS_OF_MANY)
    title = f"{len(names.read_text().split())} small models, FP16 and FP32"
    print_table(title, (once[0] | often[0], once[1] | often[1]), PEAKS)


def _prepare(folder: Path, cards: Path) -> None:
    """Write cards and files: of ``one``, the original's cards with files to match; of ``many``, those of small nets."""
    consent = folder / "home" / "intel" / "openvino_telemetry"
    consent.parent.mkdir(parents=True)
    consent.write_text("0")  # no reports: without a network, each would have the original wait
    _prepare_one(folder / "one", cards)
    names = []
    for path in cards.glob("**/model.yml"):
        if re.search("(?m)^framework: (onnx|pytorch)$", path.read_text()):
            names.append(path.parent.name)
            _write_small(path, folder / "many")
    (folder / "names.txt").write_text("".join(f"{name}\n" for name in sorted(names)))


def _prepare_one(folder: Path, cards: Path) -> None:
    """Copy the original's cards; two get a file each, and its checksum, which the original does not look at."""
    from speed import convert_published

    convert_published(folder / "files")
    shutil.copytree(cards, folder / "zoo")
    for name in (SMALL, PUBLISHED):
        path = folder / "zoo" / "public" / name / "model.yml"
        card = yaml.safe_load(path.read_text())
        file = folder / "files" / "public" / name / card["files"][0]["name"]
        if name == SMALL:
            _write_net(card, file)
        _write_card(path, card, file)


def _write_small(original: Path, folder: Path) -> None:
    """Write a card like ``original``, but of an ONNX file, and that file."""
    card, name = yaml.safe_load(original.read_text()), original.parent.name
    file = folder / "files" / "public" / name / NET
    _write_net(card, file)
    arguments = [each for each in card["model_optimizer_args"] if not each.startswith("--input_model")]
    card = {key: value for key, value in card.items() if key not in ("conversion_to_onnx_args", "postprocessing")}
    card |= {"framework": "onnx", "model_optimizer_args": [*arguments, f"--input_model=$dl_dir/{NET}"]}
    _write_card(folder / "zoo" / "public" / name / "model.yml", card, file)


def _write_card(path: Path, card: Card, file: Path) -> None:
    """Write a card whose only file is ``file``."""
    content = file.read_bytes()
    entry = {"name": file.name, "size": len(content), "checksum": hashlib.sha384(content).hexdigest()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({**card, "files": [{**entry, "source": "https://example.com/net"}]}))


def _write_net(card: Card, path: Path) -> None:
    """Write an ONNX file with the card's inputs and outputs: an output is an input, scaled, and the means of all."""
    import onnx
    from onnx import TensorProto, helper

    integers = {"--inputs-dtype=long": TensorProto.INT64, "--inputs-dtype=int32": TensorProto.INT32}
    kinds = [integers[each] for each in card.get("conversion_to_onnx_args", ()) if each in integers]
    kind = kinds[0] if kinds else TensorProto.FLOAT
    shapes = {each["name"]: _shape(each) for each in card["input_info"]}
    inputs, outputs = list(shapes), _outputs(card)
    nodes = []
    for name in inputs:
        nodes.append(helper.make_node("Cast", [name], [f"{name}/number"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("ReduceMean", [f"{name}/number"], [f"{name}/mean"], keepdims=0))
    nodes.append(helper.make_node("Sum", [f"{name}/mean" for name in inputs], ["means"]))
    for number, name in enumerate(outputs):
        mine = inputs[number % len(inputs)]
        nodes.append(helper.make_node("Mul", [f"{mine}/number", f"{name}/factor"], [f"{name}/scaled"]))
        nodes.append(helper.make_node("Add", [f"{name}/scaled", "means"], [name]))
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in shapes.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [helper.make_tensor(f"{name}/factor", TensorProto.FLOAT, [], [2.0]) for name in outputs],
    )
    path.parent.mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7), path)


def _outputs(card: Card) -> list[str]:
    """Return the names of the outputs that a card asks for."""
    flag = "--output="
    asked = [each.removeprefix(flag).split(",") for each in card["model_optimizer_args"] if each.startswith(flag)]
    return asked[0] if asked else ["result"]


def _shape(card_input: Card) -> list[int | str]:
    """Return the shape of an input; where the card tells the letters only, all but the colours are left open."""
    return card_input.get("shape") or [3 if letter == "C" else letter for letter in card_input["layout"]]


if __name__ == "__main__":
    main()
