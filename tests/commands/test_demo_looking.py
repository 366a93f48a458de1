"""Comparisons and reviews: what people look at."""

from __future__ import annotations

import base64
import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import cv2
import numpy as np
import pytest
from helpers.browser import browser, errors, needs_browser, show_as
from helpers.demo_command import block, content, demo, done, empty, names, write_blocks, write_pair
from helpers.films import make_film

import omz
from omz.images.files import read_picture, write_picture

GIVEN = ("-m", "model.xml", "--plate", "plate.png")
HOSTILE = "<img src=x onerror=alert(1)>&\u202e'\".png"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_pair(tmp_path)


@pytest.fixture
def shots(folder) -> Path:
    """A folder of images: 0 to 2 are well, ``bright`` and ``worse`` have warnings, ``broken`` fails."""
    write_blocks(folder / "shots", 3)
    for name, light in (("bright", 30), ("worse", 60)):
        write_picture(folder / "shots" / f"{name}.png", block((24, 32), (4, 4, 12, 12)) + np.uint8(light))
    write_picture(folder / "shots" / "worse.png", cv2.resize(read_picture(folder / "shots" / "worse.png"), (64, 48)))
    (folder / "shots" / "broken.png").write_bytes(b"no image")
    return folder / "shots"


def shows(sheet: np.ndarray, picture: np.ndarray) -> bool:
    """Tell whether a picture stands somewhere on a sheet."""
    rows, columns = sheet.shape[0] - picture.shape[0] + 1, sheet.shape[1] - picture.shape[1] + 1
    for row, column in np.argwhere((sheet[:rows, :columns] == picture[0, 0]).all(2)).tolist():
        if (sheet[row : row + picture.shape[0], column : column + picture.shape[1]] == picture).all():
            return True
    return False


def refused(folder: Path, *arguments: object) -> tuple[int, str]:
    """Run a command that fails with one line, and writes nothing; return its code and the line."""
    before = content(folder)
    result = demo(*arguments)
    assert content(folder) == before
    (line,) = result.stderr.splitlines()
    return result.exit_code, line


class Page(HTMLParser):
    """The inputs that a page lists, in order: name, text, pictures, links."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.items, self.tags = path, list[dict[str, object]](), list[str]()
        self.inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.inside = tag
        if tag == "div":
            self.pictures = []
        if tag == "img":
            kind, _, data = values["src"].partition(",")
            assert kind == "data:image/jpeg;base64"
            self.pictures.append(cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR))
        if tag == "bdi":
            self.items.append({"name": "", "text": "", "pictures": self.__dict__.pop("pictures", []), "links": {}})
        if tag == "a":
            self.href = values["href"]

    def handle_data(self, data):
        if self.inside == "a" and data.strip():
            target = urlsplit(urljoin(self.path.absolute().as_uri(), self.href))
            self.items[-1]["links"][data] = Path(os.fsdecode(unquote(target.path, errors="surrogateescape")))
        elif self.items and self.inside == "bdi":
            self.items[-1]["name"] += data
            self.inside = ""
        elif self.items and self.inside != "script":
            self.items[-1]["text"] += data

    @property
    def names(self) -> list[str]:
        return [item["name"] for item in self.items]


@pytest.mark.parametrize(("flags", "last"), [((), "cutout"), (("--target", "#0000ff"), "composite")])
def test_one_image_is_compared(folder, flags, last):
    done("photo.png", *GIVEN, *flags, "-o", "out.png", "--compare", "side.png")
    sheet = read_picture(folder / "side.png")
    photo = read_picture(folder / "photo.png")
    assert shows(sheet, photo)
    if last == "composite":
        assert shows(sheet, read_picture(folder / "out.png"))
    assert names(folder) >= {"out.png", "side.png"}
    summary = omz.cut_out("photo.png", plate="plate.png", model="model.xml", output="b.png", compare="side.webp")
    assert summary.outputs == ("b.png", "side.webp")
    assert (folder / "side.webp").is_file()


def test_each_image_of_a_folder_is_compared(folder):
    write_blocks(folder / "shots", 2)
    write_blocks(folder / "shots" / "deep", 1)
    flags = ("shots", "--recursive", *GIVEN, "-o", "cut", "--resume")
    done(*flags, "--compare", "sides")
    assert names(folder / "sides") == {"0.jpg", "1.jpg", "deep/0.jpg"}
    assert names(folder / "cut") == {"0.png", "1.png", "deep/0.png"}
    assert "3 there already" in done(*flags, "--compare", "sides").stdout
    (folder / "sides" / "1.jpg").unlink()
    assert "2 there already" in done(*flags, "--compare", "sides").stdout
    assert (folder / "sides" / "1.jpg").is_file()
    done("shots", "--recursive", *GIVEN, "-o", "cut", "--compare", "v1.2/")
    assert names(folder / "v1.2") == names(folder / "sides")
    for _ in range(2):  # which is no input of the second run
        done("shots", "--recursive", *GIVEN, "-o", "cut", "--compare", "shots/sides")
        assert names(folder / "shots" / "sides") == names(folder / "sides")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["shots", "--compare", "side.png"], 2, "2 results do not go into side.png; name a folder"),
        (["shots", "--compare", "shots"], 2, "shots has the inputs"),
        (["shots/0.png", "--compare", "shots/0.png"], 2, "--compare shots/0.png is where something else is"),
        (["photo.png", "--compare", "PLATE.png"], 2, "is where something else is"),
        (["photo.png", "--compare", "photo_cutout.png"], 2, "is where something else is"),
        (["photo.png", "-o", "cut.jpg/", "--compare", "cut.jpg/photo.png"], 2, "is where something else is"),
        (["photo.png", "--compare", "folder.png/photo.jpg/"], 2, "is where something else is"),
        (["photo.png", "--compare", "side.mp4"], 2, "--compare side.mp4: use one of .png, .webp, .jpg"),
        (["photo.png", "--compare", "v1.2"], 2, "or v1.2/ for a folder"),
        (["photo.png", "--compare", "-"], 2, "--compare goes into a file; name one"),
        (["photo.png", "--compare", "photo.png/side.png"], 1, "photo.png is not a folder"),
        (["photo.png", "--compare", "side.png", "--report", "side.png"], 2, "--report side.png is where something"),
        (["clip.mp4", "--compare", "side.png"], 2, "--compare is for images, and there is none"),
        (["0", "--compare", "side.png"], 2, "0 is live; --compare and --review are for files"),
        (["0", "--review", "page"], 2, "0 is live"),
        (["photo.png", "-o", "-", "--review", "page"], 2, "--review shows files"),
        (["photo.png", "--review", "plate.png"], 1, "plate.png is not a folder"),
        (["photo.png", "--review", "closed"], 2, "--review closed/review.html is where something else is"),
        (["photo.png", "--review", "/dev/null"], 1, "/dev/null is not a folder"),
        (["photo.png", "--review", "page", "--report", "page/review.html"], 2, "is where something else is"),
        (["photo.png", "--review", ""], 2, "--review is empty"),
    ],
)
def test_bad_places_are_refused_before_the_work(folder, arguments, code, message):
    write_blocks(folder / "shots", 2)
    make_film(folder, 2)
    write_picture(folder / "plate.png", empty((24, 32)))
    (folder / "closed" / "review.html").mkdir(parents=True)
    (folder / "folder.png" / "photo.jpg" / "photo.jpg").mkdir(parents=True)
    found, line = refused(folder, *arguments, *GIVEN)
    assert (found, message in line) == (code, True), line


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that takes no file, from its owner either")
@pytest.mark.parametrize(("flag", "place", "kept"), [("--compare", "side.png", False), ("--review", "", True)])
def test_a_place_that_turns_out_to_be_closed_ends_in_one_line(folder, flag, place, kept):
    result = demo("photo.png", *GIVEN, "-o", "cut.png", flag, f"/proc/{place}")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith("cannot be written: No such file or directory; choose another place")
    assert (folder / "cut.png").exists() == kept


@pytest.mark.parametrize("flag", ["--compare", "--review"])
def test_the_example_takes_neither(folder, flag):
    assert refused(folder, flag, "out") == (2, f"main: error: {flag} needs an input; add -i IMAGE")


def test_a_review_shows_the_worst_first(folder, shots):
    result = demo("shots", *GIVEN, "--match_exposure", "off", "-o", "cut", "--review", "page")
    assert result.exit_code == 1
    assert "page/review.html shows the results, worst first" in result.stderr
    assert names(folder / "page") == {"review.html"}
    page = Page(folder / "page" / "review.html")
    assert page.names == ["broken.png", "worse.png", "bright.png", "0.png", "1.png", "2.png"]
    broken, worse, bright, *fine = page.items
    assert "is not an image in a known format" in broken["text"]
    assert (broken["pictures"], set(broken["links"])) == ([], {"input"})
    assert "the plate is 32x24" in worse["text"]
    assert "brighter than the plate" in worse["text"]
    assert "brighter than the plate" in bright["text"]
    for item in (worse, bright, *fine):
        before, after = item["pictures"]
        original = read_picture(shots / item["name"]).astype(int)
        assert before.shape == after.shape == original.shape
        assert np.abs(before - original).mean() < 20  # of noise, in a JPEG
        assert item["links"] == {"input": shots / item["name"], "cutout": folder / "cut" / item["name"]}
    text = (folder / "page" / "review.html").read_text()
    assert not re.search(r"https?:|(src|href)=[\"']?/", text)
    assert "6 inputs, 1 failed, 2 with warnings" in text


def test_a_resumed_job_is_reviewed_as_a_whole(folder, shots):
    demo("shots", *GIVEN, "-o", "cut", "--limit", 4)
    demo("shots", *GIVEN, "-o", "cut", "--resume", "--review", "cut")
    resumed = Page(folder / "cut" / "review.html")
    demo("shots", *GIVEN, "-o", "cut", "--review", "whole")
    whole = Page(folder / "whole" / "review.html")
    assert resumed.names == whole.names
    for one, other in zip(resumed.items, whole.items, strict=True):
        assert one["text"] == other["text"]
        assert len(one["pictures"]) == len(other["pictures"])
        for early, late in zip(one["pictures"], other["pictures"], strict=True):
            np.testing.assert_array_equal(early, late)


def test_each_shard_has_its_page(folder, shots):
    found = []
    for part in ("1/2", "2/2"):
        demo("shots", *GIVEN, "-o", "cut", "--shard", part, "--review", "page")
    for name in sorted(names(folder / "page")):
        found += Page(folder / "page" / name).names
    assert names(folder / "page") == {"review.1-of-2.html", "review.2-of-2.html"}
    assert sorted(found) == sorted(path.name for path in shots.iterdir())


def test_videos_are_listed_without_pictures(folder):
    film = make_film(folder / "shots", 3)
    shutil.copy(folder / "shots" / "plate.png", folder / "empty.png")
    (folder / "shots" / "plate.png").unlink()
    write_blocks(folder / "shots", 1, (48, 64))
    (folder / "shots" / "broken.mp4").write_bytes(b"no video")
    result = demo("shots", "-m", film.flags[-1], "--plate", "empty.png", "-o", "cut", "--review", "page")
    assert result.exit_code == 1
    broken, *others = Page(folder / "page" / "review.html").items
    assert broken["name"] == "broken.mp4"
    assert "cannot be read as a video" in broken["text"]
    links = {item["name"]: (len(item["pictures"]), set(item["links"])) for item in others}
    assert links == {"0.png": (2, {"input", "cutout"}), "clip.mp4": (0, {"input", "cutout"})}


@pytest.mark.parametrize("name", [HOSTILE, "%41#?;a:b.png", os.fsdecode(b"\xff\xfe.png")])
def test_names_of_others_are_text_and_lead_to_their_files(folder, name):
    write_blocks(folder / "shots", 1)
    (folder / "shots" / "0.png").rename(folder / "shots" / name)
    done("shots", *GIVEN, "-o", "cut", "--review", "page")
    page = Page(folder / "page" / "review.html")
    (item,) = page.items
    assert item["links"] == {"input": folder / "shots" / name, "cutout": folder / "cut" / name}
    assert item["name"].isprintable()
    assert page.tags.count("img") == 2


def test_the_result_that_is_looked_at_is_the_last_step(folder):
    write_blocks(folder / "shots", 1)
    for whats, expected in (("alpha,foreground", "foreground"), ("alpha", "alpha"), ("all", "composite")):
        done("shots", *GIVEN, "--what", whats, "--target", "#ff0000", "-o", "cut", "--review", "page")
        (item,) = Page(folder / "page" / "review.html").items
        stored = read_picture(folder / "cut" / (f"0_{expected}.png" if "," in whats or whats == "all" else "0.png"))
        assert np.abs(item["pictures"][1].astype(int) - stored).mean() < 20


def test_a_page_that_is_there_is_replaced_whole(folder, shots):
    (folder / "page").mkdir()
    (folder / "page" / "review.html").write_text("old")
    (folder / "other.html").write_text("kept")
    demo("shots", *GIVEN, "-o", "cut", "--review", "page")
    assert names(folder / "page") == {"review.html"}
    (folder / "page" / "review.html").unlink()
    (folder / "page" / "review.html").symlink_to(folder / "other.html")
    demo("shots", *GIVEN, "-o", "cut", "--review", "page")
    assert (folder / "other.html").read_text() == "kept"


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_page_in_a_browser(folder, shots, tmp_path_factory, scheme, width):
    from selenium.webdriver.common.keys import Keys

    (shots / "0.png").rename(shots / HOSTILE)
    demo("shots", *GIVEN, "-o", "cut", "--review", "page")
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        show_as(driver, scheme, width)
        driver.get((folder / "page" / "review.html").as_uri())
        assert driver.execute_script("return document.scrollingElement.scrollWidth <= innerWidth")
        assert driver.execute_script("return [...document.images].every(each => each.naturalWidth > 0)")
        paper = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper))) > 384) == (scheme == "light")
        slider = driver.find_element("css selector", "input")
        shares = []
        for key in (None, Keys.HOME, Keys.ARROW_RIGHT, Keys.END):
            if key:
                slider.send_keys(key)
            after = slider.find_element("xpath", "preceding-sibling::img[1]")
            shares.append(driver.execute_script("return getComputedStyle(arguments[0]).clipPath", after))
        assert [re.search(r"([\d.]+)(%|px)\)$", share)[1] for share in shares] == ["50", "0", "1", "100"]
        assert (
            driver.execute_script("return getComputedStyle(arguments[0].parentElement).outlineStyle", slider) == "solid"
        )
        assert not errors(driver)
