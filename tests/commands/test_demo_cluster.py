"""``omz_demo --cluster``: the same bytes as without it, whatever becomes of workers and machines."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers.clips import TIME_BASE
from helpers.clusters import (
    LONG,
    changed_work,
    demo_folder,
    images_in,
    kill_a_worker,
    kill_the_machine_of,
    ray_nodes,
    run_demo,
    start_demo,
    wait_for_the_end_of_ray,
    workers,
)
from helpers.demo_command import demo, done, empty, write_blocks
from helpers.films import make_film, shots

from omz.images.files import write_picture

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

GIVEN = ("in", "--plate", "plate.png", "-m", "model.xml")
LOCAL = ("--cluster", "local[2]")
FILM = ("clip.mp4", "--plate", "plate.png", "-m", "difference.xml", "--segment_seconds", "0.4")
AS_IT_IS = ("--align", "off", "--match_exposure", "off")
"""Frames do not depend on each other then."""

FAULTS = """
def is_first(path):
    try:
        open(path, "x").close()
    except FileExistsError:
        return False
    return True

def changed(read):
    def faulty(path, *rest):
        if "poison" in path.name:
            os.kill(os.getpid(), 9)
        if "hanging" in path.name:
            time.sleep(1e6)
        if "straggler" in path.name and is_first(f"{path}.begun"):
            time.sleep(1e6)
        return read(path, *rest)

    return faulty
"""
"""What makes an image kill the process that reads it, or hang, or hang once: as a decoder with a defect would."""


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    with demo_folder(tmp_path) as folder:
        yield folder


def entries(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "omz_demo.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def wait_for_images(process: subprocess.Popen, out: Path) -> None:
    """Wait until a run has written twenty images, or has ended."""
    while process.poll() is None and len([*out.glob("[!.]*.png")]) < 20:  # others come and go meanwhile
        time.sleep(0.05)


def assert_nothing_half_done(folder: Path) -> None:
    assert not list(folder.rglob(".*.part*"))
    assert not list(folder.rglob(".omz.cluster*"))


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("in", "--cluster", "nowhere"), "'nowhere' is no cluster; write auto, the HOST:PORT of its head, or local[N]"),
        (("in", "--cluster", "ray://host:1"), "is for remote clients; run the command on a machine of the cluster"),
        (("in/0.png", "-o", "-", *LOCAL), "--cluster writes files, and not to standard output"),
        (("0", *LOCAL), "--cluster is for files; leave it out for cameras"),
    ],
)
def test_what_a_cluster_cannot_do_is_wrong_usage(folder, flags, problem):
    write_blocks(folder / "in", 1)
    result = demo(*flags, "--plate", "plate.png", "-m", "model.xml")
    assert result.exit_code == 2
    assert problem in result.stderr


def test_without_the_extra_there_is_one_line(folder, monkeypatch):
    write_blocks(folder / "in", 1)
    monkeypatch.setattr("omz.extras.find_spec", lambda _: None)
    result = demo(*GIVEN, "-o", "out", *LOCAL)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith(
        "Ray is not installed; install it with pip install '.[cluster]' in a clone of Open Matting Zoo"
    )


def test_timeout_and_mixed_have_no_effect_without_a_cluster(folder):
    write_blocks(folder / "in", 1)
    said = done(*GIVEN, "-o", "out", "--timeout", "5", "--mixed").stderr
    assert "--timeout has no effect without --cluster" in said
    assert "--mixed has no effect without --cluster" in said


@pytest.mark.slow
def test_a_folder_becomes_the_same_bytes_and_can_be_gone_on_with(folder):
    write_blocks(folder / "in", 40)
    (folder / "in" / "broken.png").write_bytes(b"no image")
    assert demo(*GIVEN, "-o", "plain", "--what", "alpha,cutout").exit_code == 1
    result = run_demo(folder, *GIVEN, "-o", "out", "--what", "alpha,cutout", "--json", *LOCAL)
    assert result.returncode == 1, result.stderr
    told = json.loads(result.stdout)
    assert (told["done"], told["failed"], told["frames"]) == (40, 1, 40)
    assert "broken.png" in result.stderr
    assert images_in(folder / "out") == images_in(folder / "plain")
    plain, found = entries(folder / "plain"), entries(folder / "out")
    for entry in (*plain, *found):
        del entry["seconds"]
    assert sorted(map(str, found)) == sorted(map(str, plain))
    assert_nothing_half_done(folder / "out")
    # The plain command goes on from it: both keep the same manifest.
    (folder / "out" / "7_alpha.png").write_bytes(b"something else")
    told = json.loads(demo(*GIVEN, "-o", "out", "--what", "alpha,cutout", "--resume", "--json").stdout)
    assert (told["done"], told["skipped"], told["failed"]) == (1, 39, 1)
    assert images_in(folder / "out") == images_in(folder / "plain")


@pytest.mark.slow
def test_what_was_there_before_is_replaced(folder):
    write_blocks(folder / "in", 3)
    done(*GIVEN, "-o", "plain")
    write_picture(folder / "out" / "1.png", empty((24, 32)))
    result = run_demo(folder, *GIVEN, "-o", "out", *LOCAL)
    assert result.returncode == 0, result.stderr
    assert images_in(folder / "out") == images_in(folder / "plain")


@pytest.mark.slow
@pytest.mark.parametrize("flags", [AS_IT_IS, (*AS_IT_IS, "--target", "red"), ()], ids=["cutout", "composite", "whole"])
def test_a_video_becomes_the_same_bytes(folder, flags):
    make_film(folder, 60, sound="aac")
    name = "out.mp4" if "--target" in flags else "out.mov"
    for place in ("plain", "cluster"):
        (folder / place).mkdir()
    done(*FILM, *flags, "-o", f"plain/{name}")
    result = run_demo(folder, *FILM, *flags, "-o", f"cluster/{name}", *LOCAL)
    assert result.returncode == 0, result.stderr
    assert (folder / "cluster" / name).read_bytes() == (folder / "plain" / name).read_bytes()
    assert [path.name for path in (folder / "cluster").iterdir()] == [name]


@pytest.mark.slow
def test_workers_that_are_killed_at_random_moments_change_nothing(folder):
    write_blocks(folder / "in", 300)
    done(*GIVEN, "-o", "plain")
    chance, killed = random.Random(7), 0
    process = start_demo(folder, *GIVEN, "-o", "out", *LOCAL)
    while process.poll() is None and killed < 6:
        killed += kill_a_worker()
        time.sleep(chance.uniform(0, 1.5))
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 0, said
    assert killed
    assert images_in(folder / "out") == images_in(folder / "plain")
    assert sorted(str(entry["input"]) for entry in entries(folder / "out")) == sorted(images_in(folder / "in"))
    assert_nothing_half_done(folder / "out")


@pytest.mark.slow
def test_a_poison_image_and_a_hanging_one_are_named_and_all_others_done(folder):
    write_blocks(folder / "in", 16)
    done(*GIVEN, "-o", "plain")
    for name in ("poison.png", "hanging.png"):
        (folder / "in" / name).write_bytes((folder / "in" / "0.png").read_bytes())
    more = changed_work(folder, FAULTS)
    result = run_demo(folder, *GIVEN, "-o", "out", *LOCAL, "--timeout", "20", more=more)
    assert result.returncode == 1, result.stderr
    assert "in/poison.png: 3 workers have died at it; leave it out" in result.stderr
    assert "in/hanging.png: it took longer than 20 s; raise --timeout, or leave it out" in result.stderr
    assert images_in(folder / "out") == images_in(folder / "plain")
    found = entries(folder / "out")
    assert sorted(str(each["input"]) for each in found if each["status"] == "failed") == ["hanging.png", "poison.png"]
    assert len(found) == 18
    assert_nothing_half_done(folder / "out")


@pytest.mark.slow
def test_a_straggler_runs_twice_near_the_end(folder):
    write_blocks(folder / "in", 32)
    (folder / "in" / "straggler.png").write_bytes((folder / "in" / "0.png").read_bytes())
    done(*GIVEN, "-o", "plain")
    result = run_demo(folder, *GIVEN, "-o", "out", *LOCAL, more=changed_work(folder, FAULTS))
    assert result.returncode == 0, result.stderr
    assert (folder / "in" / "straggler.png.begun").exists()
    assert images_in(folder / "out") == images_in(folder / "plain")
    assert len(entries(folder / "out")) == 33
    assert_nothing_half_done(folder / "out")


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_is_gone_on_with(folder, how):
    write_blocks(folder / "in", 400)
    done(*GIVEN, "-o", "plain")
    process = start_demo(folder, *GIVEN, "-o", "out", *LOCAL)
    wait_for_images(process, folder / "out")
    process.send_signal(how)
    _, said = process.communicate(timeout=LONG)
    assert process.returncode in (-signal.SIGKILL, 130), said
    wait_for_the_end_of_ray()
    kept = len(entries(folder / "out"))
    assert images_in(folder / "out").items() <= images_in(folder / "plain").items()
    result = run_demo(folder, *GIVEN, "-o", "out", "--resume", "--json", *LOCAL)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["skipped"] >= kept
    assert told["skipped"] + told["done"] == 400
    assert images_in(folder / "out") == images_in(folder / "plain")
    assert sorted(str(entry["input"]) for entry in entries(folder / "out")) == sorted(images_in(folder / "in"))
    assert_nothing_half_done(folder / "out")


@pytest.mark.slow
def test_a_machine_that_is_lost_is_survived(folder):
    write_blocks(folder / "in", 300)
    done(*GIVEN, "-o", "plain")
    with ray_nodes(folder, nodes=2) as nodes:
        process = start_demo(folder, *GIVEN, "-o", "out", "--cluster", nodes.address)
        wait_for_images(process, folder / "out")
        assert any(map(kill_the_machine_of, workers()))
        _, said = process.communicate(timeout=LONG)
        assert process.returncode == 0, said
    assert images_in(folder / "out") == images_in(folder / "plain")
    assert_nothing_half_done(folder / "out")


@pytest.mark.slow
def test_a_machine_with_other_instructions_is_refused_by_name(folder):
    write_blocks(folder / "in", 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")  # of the machines that are started, not of the driver
        with ray_nodes(folder, nodes=1) as nodes:
            patch.delenv("ONEDNN_MAX_CPU_ISA")
            result = run_demo(folder, *GIVEN, "-o", "out", "--cluster", nodes.address)
            assert result.returncode == 1
            assert "has other instructions: +SSE41; install the same versions, or add --mixed" in result.stderr
            result = run_demo(folder, *GIVEN, "-o", "out", "--cluster", nodes.address, "--mixed")
            assert result.returncode == 0, result.stderr
            assert "its results may differ in their bytes" in result.stderr
    assert len(images_in(folder / "out")) == 3


@pytest.mark.slow
def test_500_images_and_three_minutes_of_video_on_three_machines_become_the_same_bytes(folder):
    rate = 4
    times = [TIME_BASE.denominator // rate * index for index in range(180 * rate)]
    film = make_film(folder, len(times), times=times, sound="aac")
    for index, picture in enumerate(shots(500)):
        write_picture(folder / "in" / f"{index}.png", picture)
    film.path.rename(folder / "in" / film.path.name)
    given = ("in", "--plate", "plate.png", "-m", "difference.xml", "--segment_seconds", "15", *AS_IT_IS)
    done(*given, "-o", "plain")
    with ray_nodes(folder, nodes=3) as nodes:
        result = run_demo(folder, *given, "-o", "out", "--json", "--cluster", nodes.address)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["frames"] == 500 + len(times)
    assert len(images_in(folder / "plain")) == 501
    assert images_in(folder / "out") == images_in(folder / "plain")
    assert_nothing_half_done(folder / "out")


def test_a_run_without_a_cluster_does_not_import_ray(folder):
    write_blocks(folder / "in", 1)
    code = "import sys; from omz_demo.cli import main; main(standalone_mode=False); assert 'ray' not in sys.modules"
    command = [sys.executable, "-c", code, *GIVEN, "-o", "out"]
    subprocess.run(command, check=True, capture_output=True)
