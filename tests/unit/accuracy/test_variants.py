from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from omz.accuracy import EvaluationObserver, EvaluationRequest
from omz.accuracy.conventions import OMZ, ScoredFrame
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.variants import StoredMattes, VariantLoader
from omz.errors import DataError
from omz.images.files import write_picture
from omz.processor import usable_cpus
from omz.zoo import Catalog

SIZE = (24, 40)
LEVELS = np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)


def sample(name: str = "clip/0001", size: tuple[int, int] = SIZE) -> Sample:
    return Sample(Entry(name, name.rpartition("/")[0], 0, {}), np.zeros((*size, 3), np.uint8))


@pytest.mark.parametrize(
    ("alpha", "foreground", "name"),
    [
        ("pha/clip/0001.png", "fgr/clip/0001.png", "clip/0001"),
        ("clip/pha/0001.png", "clip/fgr/0001.png", "clip/0001"),
        ("pha/0001.png", "fgr/0001.png", "0001"),
        ("clip/0001.webp", "", "clip/0001"),
        ("0001.bmp", "", "0001"),
    ],
)
def test_mattes_are_found_by_the_names_of_frames(tmp_path, alpha, foreground, name):
    lossless = Path(alpha).suffix != ".webp"
    write_picture(tmp_path / alpha, LEVELS)
    if foreground:
        write_picture(tmp_path / foreground, COLOURS)
    found = StoredMattes(tmp_path).predict(sample(name), begins=True)
    assert found.alpha.dtype == np.uint8
    assert found.milliseconds is None
    if lossless:
        np.testing.assert_array_equal(found.alpha, LEVELS)
    if foreground:
        np.testing.assert_array_equal(found.foreground, COLOURS)
    else:
        assert found.foreground is None


def test_the_fourth_channel_of_a_cut_out_is_alpha(tmp_path):
    write_picture(tmp_path / "0001.png", np.dstack([COLOURS, LEVELS]))
    np.testing.assert_array_equal(StoredMattes(tmp_path).predict(sample("0001"), True).alpha, LEVELS)


def test_levels_of_16_bits_stay_what_they_are(tmp_path):
    deep = np.random.default_rng(2).integers(0, 65536, SIZE, np.uint16)
    cv2.imwrite(str(tmp_path / "0001.png"), deep)
    found = StoredMattes(tmp_path).predict(sample("0001"), True).alpha
    np.testing.assert_array_equal(found, deep)
    assert OMZ.score(ScoredFrame(found, deep / 65535))["MAD"] == 0


def test_levels_of_files_are_not_rounded_again(tmp_path):
    write_picture(tmp_path / "0001.png", LEVELS)
    found = StoredMattes(tmp_path).predict(sample("0001"), True)
    np.testing.assert_array_equal(found.outputs["matte"], LEVELS[None, None] / 255)
    assert OMZ.score(ScoredFrame(found.alpha, LEVELS / 255))["MAD"] == 0


def test_what_cannot_be_scored_is_named(tmp_path):
    write_picture(tmp_path / "grey.png", LEVELS)
    write_picture(tmp_path / "coloured.png", COLOURS)
    (tmp_path / "broken.png").write_bytes((tmp_path / "grey.png").read_bytes()[:100])
    mattes = StoredMattes(tmp_path)
    for name, size, said in (
        ("none", SIZE, "has no matte of it; its name is to be none"),
        ("grey", (24, 41), "grey.png is 40x24, the frame 41x24"),
        ("coloured", SIZE, "coloured.png is coloured"),
        ("broken", SIZE, "broken.png"),
    ):
        with pytest.raises(DataError, match=said) as raised:
            mattes.predict(sample(name, size), True)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grey_matte_with_an_opaque_alpha_channel_is_grey(tmp_path, channels):
    stored = np.dstack([*[LEVELS] * channels, np.full_like(LEVELS, 255)])
    Image.fromarray(stored, "LA" if channels == 1 else "RGBA").save(tmp_path / "0001.png")
    np.testing.assert_array_equal(StoredMattes(tmp_path).predict(sample("0001"), True).alpha, LEVELS)
    stored[0, 0, -1] = 0  # now nobody knows which of the two is meant
    Image.fromarray(stored, "LA" if channels == 1 else "RGBA").save(tmp_path / "0001.png")
    with pytest.raises(DataError, match="has an alpha channel beside its greys"):
        StoredMattes(tmp_path).predict(sample("0001"), True)


def test_mattes_of_frames_in_two_folders_are_found_beside_others(tmp_path):
    write_picture(tmp_path / "180" / "clip_0" / "1.png", LEVELS)
    write_picture(tmp_path / "0001.png", LEVELS)
    mattes = StoredMattes(tmp_path)
    for name in ("180/clip_0/1", "0001"):
        np.testing.assert_array_equal(mattes.predict(sample(name), True).alpha, LEVELS)


def test_a_folder_without_mattes_is_refused(tmp_path):
    with pytest.raises(DataError, match="has no mattes"):
        StoredMattes(tmp_path)
    write_picture(tmp_path / "0001.png", LEVELS)
    write_picture(tmp_path / "0001.bmp", LEVELS)
    with pytest.raises(DataError, match="stands for the same frame"):
        StoredMattes(tmp_path)


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_pytorch_has_the_threads_of_the_machine_or_those_that_are_given(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(5)
    try:
        request = EvaluationRequest(models="original")
        card = Catalog()["background-matting-starter"]
        VariantLoader(request, card, None, EvaluationObserver(), threads=threads).load()
        assert torch.get_num_threads() == (threads or len(usable_cpus()))
    finally:
        torch.set_num_threads(before)
