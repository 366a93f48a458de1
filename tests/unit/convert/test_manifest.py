from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.builders import convert, heavy_model, published_file, small_model, write_card

from omz.convert.events import IRReady
from omz.convert.manifest import manifest_path
from omz.convert.plan import ConversionPlan, ConversionSettings, plan_conversion
from omz.events import Event
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog


def plan_of(root: Path, source: Path, *extra: str) -> ConversionPlan:
    if not (root / "zoo").exists():
        file = published_file("net.onnx", source.read_bytes(), "https://example.com/x")
        write_card(root / "zoo", "net", files=[file], model_optimizer_args=["--input_model=$dl_dir/net.onnx"])
    return plan_conversion(Catalog(root / "zoo")["net"], root / "dl", root / "out", ConversionSettings(extra=extra))


def states(plan: ConversionPlan) -> dict[str, str]:
    """Convert, and return what was said of each precision."""
    events: list[Event] = []
    convert(plan, events.append)
    return {event.precision: event.state for event in events if isinstance(event, IRReady)}


@pytest.fixture
def plan(tmp_path) -> ConversionPlan:
    return plan_of(tmp_path, small_model(tmp_path / "dl" / "public" / "net" / "net.onnx"), "--scale=2", "--reverse_in")


def read(plan: ConversionPlan, precision: str = "FP16") -> dict:
    return json.loads(manifest_path(plan.ir_path(precision)).read_text())


def test_a_manifest_says_what_the_ir_is(plan):
    xml = convert(plan)["FP16"]
    manifest = read(plan)
    assert (manifest["name"], manifest["precision"]) == ("net", "FP16")
    assert manifest["source"] == {
        "file": "net.onnx", "sha384": hashlib.sha384(plan.source.read_bytes()).hexdigest(),
    }  # fmt: skip
    for part in (".xml", ".bin"):
        content = xml.with_suffix(part).read_bytes()
        assert manifest["files"][f"net{part}"] == {
            "size": len(content), "sha384": hashlib.sha384(content).hexdigest(),
        }  # fmt: skip
    assert [(each["name"], each["shape"], each["type"]) for each in manifest["inputs"]] == [
        ("src", "[1,3,?,?]", "f32"),
        ("bgr", "[1,3,?,?]", "f32"),
    ]
    assert manifest["inputs"][0]["preprocessing"]["scale"] == [2]
    assert manifest["inputs"][0]["preprocessing"]["reverse_channels"] is True
    assert [each["name"] for each in manifest["outputs"]] == ["sum", "double", "inner"]
    assert manifest["arguments"]["model_optimizer"]["input_model"] == "net.onnx"
    assert manifest["versions"]["openvino"] == ov.get_version()
    assert manifest["seconds"] > 0
    assert str(plan.download_dir) not in manifest_path(xml).read_text()


def test_what_is_up_to_date_is_kept_and_said_so(plan):
    times = {path: path.stat().st_mtime_ns for path in convert(plan).values()}
    assert states(plan) == {"FP16": "up to date", "FP32": "up to date"}
    assert {path: path.stat().st_mtime_ns for path in times} == times
    convert(plan, force=True)
    assert all(path.stat().st_mtime_ns > before for path, before in times.items())


@pytest.mark.parametrize("change", ["xml", "bin", "json", "gone"])
def test_what_is_not_as_it_was_made_is_made_again(plan, change):
    xml = convert(plan)["FP16"]
    before = xml.read_bytes()
    if change == "gone":
        xml.with_suffix(".bin").unlink()
    else:
        with xml.with_suffix(f".{change}").open("ab") as file:
            file.write(b"x")
    assert states(plan) == {"FP16": "converted", "FP32": "up to date"}
    assert len(xml.read_bytes()) == len(before)
    assert json.loads(manifest_path(xml).read_text())


def test_other_arguments_or_another_source_make_another_ir(plan, tmp_path):
    convert(plan)
    keys = {read(plan)["key"]}
    other = plan_of(tmp_path, plan.source, "--scale=4")
    convert(other)
    keys.add(read(other)["key"])
    assert read(other)["inputs"][0]["preprocessing"]["scale"] == [4]
    renamed = dataclasses.replace(plan, card=plan.card.model_copy(update={"task_type": "semantic_segmentation"}))
    convert(renamed)
    keys.add(read(renamed)["key"])
    assert len(keys) == 3


def test_files_of_others_in_the_folder_stay(plan):
    xml = convert(plan)["FP16"]
    (xml.parent / "notes.txt").write_text("mine")
    (xml.parent / "deep").mkdir()
    (xml.parent / "deep" / "more.txt").write_text("mine, too")
    convert(plan, force=True)
    assert (xml.parent / "notes.txt").read_text() == "mine"
    assert (xml.parent / "deep" / "more.txt").read_text() == "mine, too"


def test_what_killed_conversions_left_is_removed(plan):
    rest = plan.folder / ".converting-abc" / "FP16"
    rest.mkdir(parents=True)
    (rest / "net.bin").write_bytes(b"half")
    convert(plan)
    assert not rest.parent.exists()


RUN = """
import sys
from pathlib import Path
from omz.convert.converter import carry_out
from omz.convert.plan import ConversionSettings, plan_conversion
from omz.zoo import Catalog
root, scale = Path(sys.argv[1]), sys.argv[2]
settings = ConversionSettings(extra=(f"--scale={scale}",))
plan = plan_conversion(Catalog(root / "zoo")["net"], root / "dl", root / "out", settings)
print("ready", flush=True)
while True:
    carry_out(plan, force=True)
    print("made", flush=True)
"""


@pytest.mark.slow
def test_a_conversion_killed_at_any_moment_leaves_the_old_ir_or_the_new_one(tmp_path):
    source = heavy_model(tmp_path / "dl" / "public" / "net" / "net.onnx", weights=300_000)
    plan = plan_of(tmp_path, source, "--scale=2")
    begun = time.monotonic()
    xml = convert(plan)["FP32"]
    took = time.monotonic() - begun
    random = np.random.default_rng(0)
    there = {2}
    for number in range(30):
        command = [sys.executable, "-c", RUN, str(tmp_path), str(2 + number)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        is_made = number % 3 == 2  # with these arguments; otherwise it may be, for all that a clock can tell
        if is_made:
            assert process.stdout.readline() == "made\n"
        time.sleep(random.uniform(0, 1.5) * took)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        found = set()
        for precision in ("FP16", "FP32"):
            made = plan.ir_path(precision)
            manifest = json.loads(manifest_path(made).read_text())
            for name, entry in manifest["files"].items():
                assert hashlib.sha384(made.with_name(name).read_bytes()).hexdigest() == entry["sha384"]
            found.add(manifest["inputs"][0]["preprocessing"]["scale"][0])
        assert found <= ({2 + number} if is_made else {*there, 2 + number})
        there = found
        ov.Core().read_model(xml)
    convert(plan)
    assert [path.name for path in plan.folder.iterdir() if path.name.startswith(".converting")] == []
