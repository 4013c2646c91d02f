"""The web app in Chromium, served by the deployed stack. pytest-playwright brings the browser and its contexts."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from local import browser as chromium
from tests.support.system import System

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
TIMEOUT_MS = 40_000
GENERATED_MS = 60_000
expect.set_options(timeout=TIMEOUT_MS)  # functions start cold, on a busy machine
SIGN_IN = re.compile("^Sign in as ")
"""The button that confirms the key of a link."""
EXPECTED = re.compile(r"Failed to load resource|ERR_INTERNET_DISCONNECTED|WebSocket connection")
"""Console errors about responses that a test provokes. Every other console error fails the test."""


@pytest.fixture(scope="session")
def base_url(stack: System) -> str:
    """Build and publish the app, and return its address. Overrides pytest-playwright's fixture."""
    return stack.stack.publish_web()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Launch the Chromium of this machine. Overrides pytest-playwright's fixture."""
    path = chromium.find()
    assert path, chromium.HOW
    return {**browser_type_launch_args, "executable_path": path, "args": list(chromium.FLAGS)}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Accept downloads in every context. Overrides pytest-playwright's fixture."""
    return {**browser_context_args, "accept_downloads": True}


@pytest.fixture
def open_app(new_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a path of the app in a new profile; fail the test for errors in the browser.

    With ``key`` it opens a link that contains the key, as `make run` prints one, and confirms it.
    Further arguments are those of Playwright's ``new_context``, such as ``viewport`` or ``color_scheme``.
    """
    errors: list[str] = []

    def open_path(path: str = "/", *, key: str = "", **options: Any) -> Page:
        context = new_context(**({"viewport": DESKTOP} | options))
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(path + (f"#key={key}" if key else ""))
        if key:
            page.get_by_role("button", name=SIGN_IN).click()
            expect(page.get_by_role("button", name=SIGN_IN)).to_be_hidden()
        return page

    yield open_path
    assert not [error for error in errors if not EXPECTED.search(error)]


def new_owner(name: str) -> str:
    """Return the name of an owner whom no other test has. It begins with ``name``."""
    return f"{name}-{uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def owner_key(stack: System) -> Callable[[str], str]:
    """Return a function that makes a key of a new owner, whose name begins as given: no other test has its images."""
    return lambda name: stack.stack.make_key(new_owner(name))


@pytest.fixture(scope="session")
def prompts(stack: System) -> dict[str, str]:
    """Generate an image of each owner; return its prompt by the owner's name."""
    found = {"alice": "A secret garden behind a wall", "bob": "A bicycle in the rain"}
    for owner, prompt in found.items():
        answer = stack.call(
            "POST", "/v1/requests", {"prompt": prompt}, {"prefer": "wait=25"}, key=stack.stack.make_key(owner)
        )
        assert answer.status in {200, 202}, answer.content
    return found


@pytest.fixture
def keys(stack: System, prompts: dict[str, str]) -> dict[str, str]:
    """Return a new key of each owner, by the owner's name."""
    return {owner: stack.stack.make_key(owner) for owner in prompts}
