"""``omz_demo web``: the real page, used in a headless browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from helpers.browser import browser, choose_by_keys, click, errors, needs_browser, press, requests, show_as, tab_to
from helpers.clips import make_pictures, write_clip
from helpers.demo_command import demo, done
from helpers.serving import served
from PIL import Image

from omz.convert.store import find_ir
from omz.cutout.flags import STARTER
from omz.images.files import read_pixels, write_picture
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog

pytest.importorskip("gradio")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from omz_demo.web.controls import hex_colour

PATIENCE = 120.0  # seconds
SIZE = (180, 320)
REMOVE = "#picture button[aria-label='Remove Image']"
LONG = 400  # frames, of which none is left where a cancel does nothing


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    scene = make_scene(3, SIZE, "demo", Drift())
    write_picture(folder / "photo.png", scene.picture)
    write_picture(folder / "plate.png", scene.plate)
    (folder / "broken.png").write_bytes((folder / "photo.png").read_bytes()[:200])
    Image.new("1", (3000, 3000)).save(folder / "large.png")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """Runs where no model is but the one that ships; the temporary files of the page are in ``temporary``.

    What stands for its IR in 8 bits is the one that ships.
    """
    (folder / "temporary").mkdir()
    shutil.copytree(shipped_ir().parent, folder / "home" / "public" / STARTER / "FP16-INT8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMZ_HOME", str(folder / "home"))
        patch.setenv("TMPDIR", str(folder / "temporary"))
        with served(folder, "--max_pixels", 4_000_000, command="web", ready="/") as server:
            yield server


@pytest.fixture
def page(server, tmp_path):
    """The page at the width of a desk; at the end, nothing was asked for elsewhere, and no console has errors."""
    with browser(tmp_path / "profile") as driver:
        driver.set_page_load_timeout(PATIENCE)
        show_as(driver, "light", 1280)
        driver.get(server.url)
        until(lambda: driver.find_elements(By.ID, "cut"))
        yield driver
        asked = requests(driver)
        assert server.url + "/" in asked
        assert {urlsplit(url).hostname for url in asked} == {"127.0.0.1"}
        assert errors(driver, ("SEVERE",)) == []  # Gradio itself warns at the end of each stream


def shipped_ir() -> Path:
    path = find_ir(Catalog()[STARTER])
    assert path is not None
    return path


def until(condition):
    """Wait until something is seen, and return it."""
    found = seen(condition, PATIENCE)
    assert found, "it does not come"
    return found


def seen(condition, patience):
    """Wait until something is seen, for ``patience`` seconds, and return what was seen at last."""
    end = time.monotonic() + patience
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def upload(driver, place, path):
    """Choose a file as its button would, and wait until the server has it: its name is on the page, broken or not."""
    driver.find_element(By.CSS_SELECTOR, f"#{place} input[type=file]").send_keys(str(path))
    until(lambda: driver.find_elements(By.CSS_SELECTOR, f"#{place} [src$='/{path.name}']"))


def cut(driver, words="pixels"):
    """Cut out, and return the report once it has ``words``.

    It clicks again where nothing came of it: now and then the page has moved by then on a slow machine.
    """
    for _ in range(3):
        click(driver, By.ID, "cut")
        told = seen(lambda: report(driver, words), PATIENCE / 3)
        if told:
            return told
    raise AssertionError(f"{words!r} does not come; the report is {driver.find_element(By.ID, 'report').text!r}")


def report(driver, words, place="report"):
    text = driver.find_element(By.ID, place).text
    return text if words in text else None


def offered(driver):
    """The buttons that are seen to download a model."""
    buttons = driver.find_elements(By.XPATH, "//button[contains(., 'Download u2netp')]")
    return [button for button in buttons if button.is_displayed()]


def results(folder, stem):
    """The files and folders of results of an upload."""
    return list((folder / "temporary").glob(f"*/results/*/*{stem}_*"))


def download(driver, name, path):
    """Download a result to ``path`` by its button."""
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(path.parent)})
    until(lambda: driver.find_element(By.ID, f"save-{name}").is_enabled())
    click(driver, By.ID, f"save-{name}")
    until(path.is_file)


@needs_browser
def test_a_pair_gives_the_pixels_of_the_command(page, folder, tmp_path):
    upload(page, "picture", folder / "photo.png")
    upload(page, "plate", folder / "plate.png")
    told = cut(page)
    assert f"{SIZE[1]} x {SIZE[0]} pixels" in told
    assert "background-matting-starter on CPU" in told
    done(folder / "photo.png", "--plate", folder / "plate.png", "--what", "alpha,cutout", "-o", folder / "out")
    for what in ("alpha", "cutout"):
        saved, written = tmp_path / f"photo_{what}.png", folder / "out" / f"photo_{what}.png"
        download(page, what, saved)
        np.testing.assert_array_equal(read_pixels(saved), read_pixels(written))
        assert saved.read_bytes() == written.read_bytes()


@needs_browser
def test_the_slider_can_be_moved_by_keys(page, folder):
    upload(page, "picture", folder / "photo.png")
    upload(page, "plate", folder / "plate.png")
    cut(page)
    handle = until(lambda: page.find_elements(By.CSS_SELECTOR, "#slider [role=slider]"))[0]
    before = handle.location["x"]
    handle.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    until(lambda: handle.location["x"] > before)
    until(lambda: int(handle.get_attribute("aria-valuenow")) > 50)


@needs_browser
def test_the_keyboard_alone_suffices(page, folder, tmp_path):
    """A pair, another background, the IR in 8 bits, the run and the download, by the keys Tab, Space, Up and Enter."""
    for place in ("picture", "plate"):
        tab_to(page, f"#{place} button:has(input[type=file]), #{place} button[aria-label*='upload' i]")
        choose_by_keys(page, folder / f"{'photo' if place == 'picture' else place}.png")
        until(lambda place=place: page.find_elements(By.CSS_SELECTOR, f"#{place} img"))
    tab_to(page, ".target input[value=colour]")
    press(page, Keys.SPACE)
    tab_to(page, "button.label-wrap")
    press(page, Keys.ENTER)
    precision = until(lambda: page.find_elements(By.CSS_SELECTOR, "input[aria-label='Precision']"))[0]
    tab_to(page, "input[aria-label='Precision']")
    press(page, Keys.ARROW_UP, Keys.ENTER)  # from the first to the last
    until(lambda: precision.get_attribute("value") == "FP16-INT8")
    tab_to(page, "#cut")
    press(page, Keys.ENTER)
    assert "background-matting-starter on CPU" in until(lambda: report(page, "pixels"))
    until(lambda: page.find_element(By.ID, "save-composite").is_enabled())
    saved = tmp_path / "photo_composite.png"
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    tab_to(page, "#save-composite")
    press(page, Keys.ENTER)
    until(saved.is_file)
    output = folder / "by_keys.png"
    done(folder / "photo.png", "--plate", folder / "plate.png", "--target", "#3ca0b4", "-o", output)
    np.testing.assert_array_equal(read_pixels(saved)[..., :3], read_pixels(output)[..., :3])


@needs_browser
@pytest.mark.parametrize(
    ("name", "words"), [("broken.png", "broken.png"), ("large.png", "9 million pixels"), (None, "There is no picture")]
)
def test_a_bad_upload_is_a_message(page, folder, name, words):
    if name:
        upload(page, "picture", folder / name)
    assert "Traceback" not in cut(page, words)
    assert page.find_element(By.CSS_SELECTOR, "#report .problem").is_displayed()


@needs_browser
def test_a_picture_that_can_be_read_has_a_model_offered_and_a_broken_one_does_not(page, folder):
    upload(page, "picture", folder / "photo.png")
    told = cut(page, "is not on this machine yet")
    assert "u2netp" in told
    until(lambda: offered(page))
    click(page, By.CSS_SELECTOR, REMOVE)
    until(lambda: not page.find_elements(By.CSS_SELECTOR, "#picture img"))
    upload(page, "picture", folder / "broken.png")
    cut(page, "broken.png")
    until(lambda: not offered(page))


@needs_browser
@pytest.mark.slow
def test_a_video_is_cut_and_another_one_cancelled(page, folder):
    click(page, By.XPATH, "//button[@role='tab'][normalize-space()='Videos']")
    upload(page, "video", write_clip(folder / "short.mp4", make_pictures(50)))
    click(page, By.XPATH, "//label[normalize-space()='the first frame']")
    click(page, By.ID, "cut-video")
    assert "50 frames" in until(lambda: report(page, "a second", "video-report"))
    assert page.find_elements(By.CSS_SELECTOR, "#show-video video")

    click(page, By.CSS_SELECTOR, "#video button[aria-label='Clear' i]")
    upload(page, "video", write_clip(folder / "long.mp4", make_pictures(LONG)))
    click(page, By.ID, "cut-video")
    until(lambda: report(page, "Frame", "video-report"))
    assert results(folder, "long")
    click(page, By.ID, "cancel-video")
    assert "Stopped" in until(lambda: report(page, "Stopped", "video-report"))
    assert results(folder, "long") == []
    assert results(folder, "short")


@needs_browser
@pytest.mark.slow
def test_the_source_is_compared_with_its_irs(page, folder):
    pytest.importorskip("torch")
    upload(page, "picture", folder / "photo.png")
    upload(page, "plate", folder / "plate.png")
    click(page, By.XPATH, "//button[@role='tab'][contains(., 'converted')]")
    click(page, By.ID, "compare")
    told = until(lambda: report(page, "held", "comparison-report"))
    assert told.count("held") == 3
    assert "not held" not in told


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_phones_and_desks(page, scheme, width):
    show_as(page, scheme, width)
    page.refresh()
    until(lambda: page.find_elements(By.ID, "cut"))
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    colour = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, colour.strip("rgba()").split(",")[:3])) / 3
    assert (brightness < 128) == (scheme == "dark")


def test_a_browser_is_told_to_load_nothing_from_elsewhere(server):
    answer = httpx.get(server.url, trust_env=False)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert httpx.get(server.url, headers={"Host": "evil.example"}, trust_env=False).status_code == 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [("#3ca0b4", "#3ca0b4"), ("rgba(60, 160, 180, 1)", "#3ca0b4"), ("rgb(60.4,159.5,255.9)", "#3ca0ff")],
)
def test_colours_of_a_browser_become_those_of_the_command(text, expected):
    assert hex_colour(text) == expected


def test_a_folder_of_that_name_is_an_input(folder):
    (folder / "web").mkdir()
    write_picture(folder / "web" / "photo.png", read_pixels(folder / "photo.png"))
    command = [sys.executable, "-m", "omz_demo", "./web", "--plate", "plate.png", "-o", "out2"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    assert [path.suffix for path in (folder / "out2").iterdir()] == [".png"]


def test_without_the_extra_a_line_says_how_to_install_it():
    code = "import sys; sys.modules['gradio'] = None; import omz_demo.cli as c; c.main(['web'], 'omz_demo')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("omz_demo web: error: Gradio is not installed; install it with pip install '.[web]'")


def test_the_help_loads_nothing_of_it():
    code = "import sys, omz, omz_demo.cli; print(sorted({'gradio', 'fastapi', 'pandas'} & {*sys.modules}))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_port_out_of_range_is_an_error():
    assert demo("web", "--port", 70000).exit_code == 2
