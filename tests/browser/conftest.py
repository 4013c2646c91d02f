"""The web app as people use it: Chromium on the app that the deployed stack serves."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from local import browser as chromium
from tests.e2e.conftest import stack  # noqa: F401 - a stack of its own for all browser tests
from tests.e2e.system import System

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)  # functions start cold
EXPECTED = re.compile(r"Failed to load resource|ERR_INTERNET_DISCONNECTED|WebSocket connection")
"""What Chromium writes to the console about answers that a test provokes; everything else there is a fault."""


@pytest.fixture(scope="session")
def app_url(stack: System) -> str:  # noqa: F811
    """The address of the app, built and published."""
    return stack.stack.publish_web()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    path = chromium.find()
    assert path, chromium.HOW
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield running
        running.close()


@pytest.fixture
def open_app(browser: Browser, app_url: str, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Return what opens the app at a path in a fresh profile, and fails the test for what the browser complains of.

    Further arguments are those of Playwright's ``new_context``, such as ``viewport`` or ``color_scheme``.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def visit(path: str = "/", *, key: str = "", **options: object) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, "accept_downloads": True, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(app_url + path + (f"#key={key}" if key else ""))
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not [each for each in complaints if not EXPECTED.search(each)]
