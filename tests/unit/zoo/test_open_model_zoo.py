"""The cards of Open Model Zoo, read here and by the original tool; see ``OMZ_LEGACY_PYTHON``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.builders import own_names
from helpers.open_model_zoo import LEGACY, PYTHON, models_dir

from omz.zoo import Catalog, CompositeCard

pytestmark = LEGACY


def ours_alone() -> set[str]:
    """Return the names that this zoo has, and Open Model Zoo has not."""
    return set(own_names()) - {card.parent.name for card in models_dir().rglob("model.yml")}


def run(command: list[object]) -> str:
    """Return what a command prints."""
    environment = {name: value for name, value in os.environ.items() if name != "OMZ_MODELS_DIR"}
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_name(text: str) -> dict[str, dict[str, object]]:
    infos = json.loads(text)
    named = {info["name"]: info for info in infos}
    assert len(named) == len(infos)
    return named


def test_every_card_of_open_model_zoo_is_read():
    assert len(list(models_dir().rglob("model.yml"))) == 264
    assert len(list(models_dir().rglob("composite-model.yml"))) == 12
    catalog = Catalog(models_dir())
    cards = [catalog.load(name) for name in catalog if name not in ours_alone()]
    composites = [card for card in cards if isinstance(card, CompositeCard)]
    stages = [stage for card in composites for stage in card.stages]
    models = [card for card in cards if not isinstance(card, CompositeCard)] + stages
    assert (len(composites), len(stages), len(models)) == (12, 28, 264)
    assert all(card.path.is_relative_to(models_dir()) for card in [*models, *composites])
    assert sum(len(card.files) for card in models) == 1215
    assert sum(file.size or 0 for card in models for file in card.files) == pytest.approx(38.8e9, abs=0.05e9)


def test_one_card_of_open_model_zoo_has_a_typing_error():
    catalog = Catalog(models_dir())
    remarks = [f"{name}: {remark}" for name in catalog for remark in catalog.load(name).remarks]
    assert [remark.split("? ")[0] for remark in remarks] == [
        "modnet-webcam-portrait-matting: files.4.oroginal_source: is not a known key; did you mean original_source"
    ]


def test_lint_says_what_is_wrong_and_not_what_cannot_be_converted():
    command = [sys.executable, "-m", "omz.cli.info_dumper", "--lint", "--models_dir", models_dir()]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    line, total = done.stdout.splitlines()
    assert "modnet-webcam-portrait-matting/model.yml: files.4.oroginal_source: is not a known key" in line
    assert total.startswith(f"{248 + len(ours_alone())} checked, 1 bad, ")
    assert sum("tf models cannot be converted" in warning for warning in done.stderr.splitlines()) == 46


def test_the_info_dumper_says_what_the_original_says():
    original = by_name(run([Path(PYTHON).with_name("omz_info_dumper"), "--all"]))
    ours = by_name(run([sys.executable, "-m", "omz.cli.info_dumper", "--all", "--models_dir", models_dir()]))
    assert len(original) == 248
    assert ours.keys() - original.keys() == ours_alone()
    for name, info in original.items():
        assert {key: ours[name].get(key) for key in info} == info


def test_the_info_dumper_selects_what_the_original_selects():
    for patterns in ("*-decoder,action-*,yolo-v[34]-tf", "text-spotting-0005*", "modnet-*,*portrait*"):
        original = json.loads(run([Path(PYTHON).with_name("omz_info_dumper"), "--name", patterns]))
        ours = json.loads(
            run([sys.executable, "-m", "omz.cli.info_dumper", "--name", patterns, "--models_dir", models_dir()])
        )
        assert [info["name"] for info in ours] == [info["name"] for info in original]
        assert [{key: info[key] for key in original[0]} for info in ours] == original
