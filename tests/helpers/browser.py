"""A headless Chromium for pages that are looked at by tests."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from selenium.common import SessionNotCreatedException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_ASKING = ("Network.requestWillBeSent", "Network.webSocketCreated")
_TOLD: WeakKeyDictionary[Chrome, list[dict[str, Any]]] = WeakKeyDictionary()
"""What each browser has told of itself so far; it tells that once."""
_INSIDE = ("data:", "blob:", "about:", "chrome:")

needs_browser = pytest.mark.skipif(not (_CHROMIUM and _DRIVER), reason="needs chromium and chromedriver")
"""Marks a test that looks at a page."""


@contextmanager
def browser(profile: Path) -> Iterator[Chrome]:
    """Start a browser that keeps what it has to keep in the empty folder ``profile``; it ends with the block."""
    options = ChromeOptions()
    options.binary_location = _CHROMIUM or ""
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    try:
        driver = Chrome(options, ChromeService(_DRIVER))
    except SessionNotCreatedException as error:
        pytest.skip(f"Chromium does not start: {error.msg}")
    try:
        yield driver
    finally:
        driver.quit()


def show_as(driver: Chrome, scheme: str, width: int, height: int = 900) -> None:
    """Have pages shown in a ``scheme``, "light" or "dark", ``width`` CSS pixels wide; below 600 that is a phone."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def errors(driver: Chrome, levels: tuple[str, ...] = ("WARNING", "SEVERE")) -> list[str]:
    """Return what the browser complained of, on these ``levels``, since it was last asked."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in levels]


def requests(driver: Chrome) -> list[str]:
    """Return the addresses that the browser asked for since it was started, but those inside of it."""
    urls = []
    for method in _ASKING:
        sent = events(driver, method)
        urls += [each["request"]["url"] if "request" in each else each["url"] for each in sent]
    return [url for url in urls if not url.startswith(_INSIDE)]


def events(driver: Chrome, method: str) -> list[dict[str, Any]]:
    """Return the parameters of all events of one kind since the browser was started."""
    told = _TOLD.setdefault(driver, [])
    told += [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [event["params"] for event in told if event["method"] == method]


def tab_to(driver: Chrome, selector: str, most: int = 80) -> WebElement:
    """Press the tab key until an element has the focus that ``selector`` matches, and return it."""
    for _ in range(most):
        ActionChains(driver).send_keys(Keys.TAB).perform()
        if driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return driver.switch_to.active_element
    raise AssertionError(f"the tab key does not lead to {selector}")


def click(driver: Chrome, by: str, value: str) -> None:
    """Click on an element after the page was scrolled to it: as the driver scrolls, it may move under the click."""
    element = driver.find_element(by, value)
    driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    element.click()


def press(driver: Chrome, *keys: str) -> None:
    """Press keys, one after the other, for the element that has the focus."""
    ActionChains(driver).send_keys(*keys).perform()


def choose_by_keys(driver: Chrome, path: Path, patience: float = 20.0) -> None:
    """Press Enter on a button that opens the system's dialog for files, and have that choose one."""
    driver.execute_cdp_cmd("Page.enable", {})
    driver.execute_cdp_cmd("Page.setInterceptFileChooserDialog", {"enabled": True})
    before = len(events(driver, "Page.fileChooserOpened"))
    press(driver, Keys.ENTER)
    end = time.monotonic() + patience
    while len(opened := events(driver, "Page.fileChooserOpened")) == before:
        assert time.monotonic() < end, "Enter opens no dialog for files"
        time.sleep(0.1)
    chosen = {"files": [str(path)], "backendNodeId": opened[-1]["backendNodeId"]}
    driver.execute_cdp_cmd("DOM.setFileInputFiles", chosen)
    driver.execute_cdp_cmd("Page.setInterceptFileChooserDialog", {"enabled": False})
