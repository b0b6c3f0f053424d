"""A Chromium for tests."""

import contextlib
import os
import shutil
from pathlib import Path

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    # Names of other sites, made up by tests, lead to this computer as a rebound name does.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    # WebGL without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@contextlib.contextmanager
def chromium():
    """Yield the one in ``DEEPSXT_CHROMIUM``, of the system, or of Playwright."""
    # Imported here: few tests need it.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        candidates = [
            os.environ.get("DEEPSXT_CHROMIUM"),
            *map(shutil.which, CHROMIUM_NAMES),
            playwright.chromium.executable_path,
        ]
        found = next((path for path in candidates if path and Path(path).is_file()), None)
        if found is None:
            pytest.skip("no Chromium is installed")
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
