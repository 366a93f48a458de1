"""A headless Chromium for pages that are looked at by tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.common import SessionNotCreatedException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

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
    """Return the addresses that the browser asked for since it was last asked, but those inside of it."""
    events = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    sent = (event["params"] for event in events if event["method"] in _ASKING)
    urls = [each["request"]["url"] if "request" in each else each["url"] for each in sent]
    return [url for url in urls if not url.startswith(_INSIDE)]
