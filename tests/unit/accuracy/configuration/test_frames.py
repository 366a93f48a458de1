from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.check_files import clips_conversion, portrait, with_plate, write_check
from helpers.picture_files import SIZE, colours, grey, rgba, write

from omz.accuracy.configuration.frames import identifiers, whole_clips
from omz.accuracy.configuration.reading import read_configuration
from omz.accuracy.datasets.sample import Dataset, Entry
from omz.accuracy.setup import SyntheticScenes
from omz.errors import DataError


def opened(folder: Path, conversion: dict | None, allow_missing: bool = False, **changes: object) -> Dataset:
    content = with_plate()
    content["models"][0]["datasets"][0].update(changes)
    if conversion:
        content["models"][0]["datasets"][0]["annotation_conversion"] = conversion
    (evaluation,) = read_configuration(write_check(folder / "c.yml", content))
    return evaluation.open_dataset(folder, allow_missing)


def level(picture: np.ndarray | None) -> int | None:
    return None if picture is None else int(picture[0, 0, 0])


def test_clips(tmp_path):
    for number, name in enumerate(("x/1", "x/2", "y/1")):
        write(tmp_path / f"com/{name}.png", colours(number))
        write(tmp_path / f"bgr/{name}.png", colours(10 + number))
        write(tmp_path / f"fgr/{name}.png", rgba(20 + number, 51 * number))
    dataset = opened(tmp_path, clips_conversion())
    assert [(each.name, each.clip, each.index) for each in dataset.entries] == [
        ("x/1", "x", 0), ("x/2", "x", 1), ("y/1", "y", 0),
    ]  # fmt: skip
    for number, entry in enumerate(dataset.entries):
        sample = dataset.read(entry)
        assert [level(each) for each in (sample.picture, sample.plate, sample.foreground)] == [
            number, 10 + number, 20 + number,
        ]  # fmt: skip
        assert (sample.alpha == 51 * number / 255).all()
        assert identifiers(entry) == ({"picture": f"com/{entry.name}.png", "plate": f"bgr/{entry.name}.png"},)
    assert dataset.title == f"{tmp_path} (HumanMattingClips120)"


def test_masks_with_alpha_are_the_foreground_unless_that_has_files_of_its_own(tmp_path):
    write(tmp_path / "com/x/1.png", colours(1))
    write(tmp_path / "mask/x/1.png", rgba(2, 51))
    write(tmp_path / "fgr/x/1.png", rgba(3, 255))
    alone = clips_conversion(mask_prefix="mask/", with_foreground=False, with_background=False)
    (sample,) = _samples(opened(tmp_path, alone))
    assert (level(sample.foreground), sample.plate) == (2, None)
    assert (sample.alpha == 0.2).all()
    (sample,) = _samples(opened(tmp_path, {**alone, "with_foreground": True}))
    assert level(sample.foreground) == 3
    assert (sample.alpha == 0.2).all()


def test_files_per_clip_with_prefixes_and_postfixes_in_folders_of_their_own(tmp_path):
    write(tmp_path / "in/x/com/1_c.jpg", colours(128))
    write(tmp_path / "truth/x/pha/1_m.png", grey(51))
    conversion = clips_conversion(
        images_dir="in", image_prefix="com", image_postfix="_c.jpg", masks_dir="truth", mask_prefix="pha",
        mask_postfix="_m.png", with_alpha=False, with_foreground=False, with_background=False, per_clip_location=True,
        mask_to_gray=True,
    )  # fmt: skip
    dataset = opened(tmp_path, conversion)
    (sample,) = _samples(dataset)
    assert (sample.entry.name, sample.entry.clip) == ("x/1", "x")
    assert identifiers(dataset.entries[0]) == ({"picture": "x/com/1_c.jpg"},)
    assert (sample.alpha == 0.2).all()


@pytest.mark.parametrize("mask", [grey(51), rgba(9, 51)], ids=["grey", "fourth channel"])
def test_pictures_without_clips(tmp_path, mask):
    write(tmp_path / "images/p_1.png", colours(7))
    write(tmp_path / "masks/m_1.png", mask)
    conversion = {
        "converter": "background_matting", "images_dir": str(tmp_path / "images"), "masks_dir": "masks",
        "image_prefix": "p_", "mask_prefix": "m_",
    }  # fmt: skip
    dataset = opened(tmp_path, conversion)
    (sample,) = _samples(dataset)
    assert (sample.entry.name, sample.entry.clip, sample.foreground) == ("1", "", None)
    assert (sample.alpha == 0.2).all()
    assert identifiers(dataset.entries[0]) == ({"picture": "p_1.png"},)


def _samples(dataset: Dataset) -> list:
    return [dataset.read(entry) for entry in dataset.entries]


def test_a_missing_pair_is_an_error_or_counted(tmp_path):
    for name in ("1", "2"):
        write(tmp_path / f"com/x/{name}.png")
        write(tmp_path / f"fgr/x/{name}.png", rgba(1, 1))
    write(tmp_path / "bgr/x/1.png")
    with pytest.raises(DataError, match=r"bgr/x/2\.png is missing"):
        opened(tmp_path, clips_conversion())
    assert [each.name for each in opened(tmp_path, clips_conversion(), allow_missing=True).entries] == ["x/1"]
    (tmp_path / "bgr/x/1.png").unlink()
    with pytest.raises(DataError, match=r"lacks the files of dataset HumanMattingClips120: no bgr/\{clip\}/"):
        opened(tmp_path, clips_conversion())


def test_a_mask_that_is_no_picture_is_named(tmp_path):
    write(tmp_path / "com/x/1.png")
    (tmp_path / "fgr/x").mkdir(parents=True)
    (tmp_path / "fgr/x/1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"fgr/x/1\.png is not an image"):
        opened(tmp_path, clips_conversion(with_foreground=False, with_background=False))


def test_without_conversion_the_layout_is_found_out_below_the_data_source(tmp_path):
    write(tmp_path / "set/clip_img/18/clip_00/7.png", colours(5))
    write(tmp_path / "set/matting/18/matting_00/7.png", rgba(9, 51))
    (entry,) = opened(tmp_path, None, data_source="set").entries
    usual, own = identifiers(entry)
    assert own["picture"] == "clip_img/18/clip_00/7.png"
    assert usual == {"picture": "com/18/00/7", "plate": "bgr/18/00/7"}
    with pytest.raises(DataError, match="gone is not a folder"):
        opened(tmp_path, None, data_source="gone")


def test_what_comes_of_no_dataset_is_called_as_in_the_usual_layout():
    assert identifiers(Entry("3", "", 0, {})) == ({"picture": "com/3", "plate": "bgr/3"},)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(None, 6), (6, 6), (5, 5), (4, 3), (3, 3), (2, 3), (1, 3)],
)
def test_a_subset_has_whole_clips_and_at_least_one(count, expected):
    entries = [Entry(f"{clip}/{index}", clip, index, {}) for clip in "ab" for index in range(3 if clip == "a" else 2)]
    entries.append(Entry("single", "", 0, {}))
    assert whole_clips(entries, count) == entries[:expected]


def test_the_size_of_a_subset_is_the_dataset_s_own_unless_told(tmp_path):
    for name in ("x/1", "x/2", "y/1", "y/2"):
        write(tmp_path / f"com/{name}.png")
        write(tmp_path / f"fgr/{name}.png", rgba(1, 1))
    content = with_plate()
    content["models"][0]["datasets"][0]["subsample_size"] = 2
    (evaluation,) = read_configuration(write_check(tmp_path / "c.yml", content))
    assert [each.name for each in evaluation.open_dataset(tmp_path).entries] == ["x/1", "x/2"]
    assert len(evaluation.open_dataset(tmp_path, count=4).entries) == 4


@pytest.mark.parametrize(
    ("count", "own", "expected"),
    [
        (None, None, ["x/1", "x/2", "y/1", "z/1"]),
        (3, None, ["x/1", "x/2", "y/1"]),
        (1, None, ["x/1", "x/2"]),
        (None, 3, ["x/1", "x/2", "y/1"]),
        (2, 3, ["x/1", "x/2"]),
        (9, 1, ["x/1", "x/2", "y/1", "z/1"]),
    ],
)
@pytest.mark.parametrize("conversion", [None, clips_conversion(with_background=False)], ids=["found out", "told"])
@pytest.mark.parametrize("size", [None, 4], ids=["own size", "one size"])
def test_a_count_takes_whole_clips_of_any_layout(tmp_path, conversion, size, count, own, expected):
    for name in ("x/1", "x/2", "y/1", "z/1"):
        write(tmp_path / f"com/{name}.png")
        write(tmp_path / f"fgr/{name}.png", rgba(1, 1))
    content = with_plate(size or 5, size or 5)
    changes = {"subsample_size": own, "annotation_conversion": conversion}
    if size:
        changes["postprocessing"] = [{"type": "resize", "apply_to": "annotation", "size": size}]
    content["models"][0]["datasets"][0].update(changes)
    (evaluation,) = read_configuration(write_check(tmp_path / "c.yml", content))
    dataset = evaluation.open_dataset(tmp_path, count=count)
    assert [each.name for each in dataset.entries] == expected
    assert {dataset.read(entry).alpha.shape for entry in dataset.entries} == {(size, size) if size else SIZE}


def test_truth_is_resized_to_its_nearest_pixels_and_pictures_as_for_the_model(tmp_path):
    height, width = SIZE
    truth = np.arange(height * width, dtype=np.uint8).reshape(SIZE)
    write(tmp_path / "images/1.png", colours(40))
    write(tmp_path / "masks/1.png", truth)
    content = portrait(size=3)
    content["models"][0]["datasets"][0]["annotation_conversion"] = {
        "converter": "background_matting", "images_dir": "images", "masks_dir": "masks",
    }  # fmt: skip
    (evaluation,) = read_configuration(write_check(tmp_path / "c.yml", content))
    dataset = evaluation.open_dataset(tmp_path)
    (sample,) = _samples(dataset)
    np.testing.assert_array_equal(sample.picture, colours(40, (3, 3)))
    rows, columns = [0, 2, 4], [0, 2, 5]  # floor(i * 6 / 3), floor(i * 8 / 3)
    np.testing.assert_array_equal(sample.alpha, truth[np.ix_(rows, columns)] / 255)
    assert dataset.title.endswith(" at 3x3")


def test_another_dataset_is_measured_at_the_size_of_the_configuration(tmp_path):
    scenes = SyntheticScenes(2, (40, 60))
    (at_its_own,) = read_configuration(write_check(tmp_path / "c.yml", with_plate()))
    assert at_its_own.adopt(scenes) is scenes
    (evaluation,) = read_configuration(write_check(tmp_path / "c.yml", portrait(size=20)))
    adopted = evaluation.adopt(scenes)
    assert (adopted.title, adopted.entries) == ("2 synthetic scenes of 60x40 at 20x20", scenes.entries)
    for found, scene in zip(_samples(adopted), _samples(scenes), strict=True):
        assert found.picture.shape == found.plate.shape == (20, 20, 3)
        np.testing.assert_array_equal(found.alpha, scene.alpha[::2, ::3])
    evaluation.check(adopted)
