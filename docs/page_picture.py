"""Make the picture of ``omz_demo web`` for documents: the page in Chromium, after the photograph of docs/picture.py.

    python docs/page_picture.py [--url URL] [FOLDER]

Needs the extras ``web`` and ``test``, Chromium and chromedriver. The page is started, or
runs at ``--url``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
from picture import HEIGHT, PANEL, retouch
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from skimage import data

from omz.images.files import encode_picture, write_picture

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from helpers.browser import browser, show_as
from helpers.serving import served

PATIENCE = 300.0  # seconds
WIDTH, VIEW = 1180, 1060


def main() -> None:
    """Write ``web.jpg`` into the folder, by default that of this file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        work = Path(temporary)
        url = given.url or stack.enter_context(served(work, command="web", ready="/")).url
        driver = stack.enter_context(browser(work / "profile"))
        show_as(driver, "light", WIDTH, VIEW)
        driver.get(url)
        shot = shown(driver, work)
    path = given.folder / "web.jpg"
    path.write_bytes(encode_picture(path, shot, quality=80))


def shown(driver: Chrome, work: Path) -> np.ndarray:
    """Cut the astronaut out on the page, and return how it looks then."""
    wait = WebDriverWait(driver, PATIENCE)
    photo = np.ascontiguousarray(data.astronaut()[:HEIGHT, :, ::-1])
    for place, picture in {"picture": photo, "plate": retouch(photo)}.items():
        path = work / f"{place}.png"
        write_picture(path, cv2.resize(picture, PANEL, interpolation=cv2.INTER_CUBIC))
        field = wait.until(lambda page, place=place: page.find_element(By.CSS_SELECTOR, f"#{place} input[type=file]"))
        field.send_keys(str(path))
        wait.until(lambda page, place=place: page.find_elements(By.CSS_SELECTOR, f"#{place} img"))
    driver.find_element(By.ID, "cut").click()
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "#slider [role=slider]"))
    wait.until(lambda page: page.execute_script("return [...document.images].every((image) => image.complete)"))
    shot = np.frombuffer(driver.get_screenshot_as_png(), np.uint8)
    return cv2.imdecode(shot, cv2.IMREAD_COLOR)


if __name__ == "__main__":
    main()
