"""What people do in the app, and what the browser stores for it."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import GENERATED_MS, TIMEOUT_MS

STORED = """async () => {
    const files = [];
    for (const name of await caches.keys())
        for (const { url } of await (await caches.open(name)).keys()) files.push([name, url]);
    return { files, session: { ...sessionStorage }, local: { ...localStorage } };
}"""
"""Everything that a page can read of what the browser stores."""
DRAFT = "A draft that nobody else may read"


def wait_in_page(page: Page, probe: str, arg: Any = None) -> None:
    """Poll an asynchronous function of the page until its result is true: ``wait_for_function`` awaits no promise."""
    polling = f"""async (arg) => {{
        for (const end = Date.now() + {TIMEOUT_MS}; Date.now() < end; await new Promise((on) => setTimeout(on, 100)))
            if (await ({probe})(arg)) return true;
        return false;
    }}"""
    assert page.evaluate(polling, arg), f"waited {TIMEOUT_MS} ms for {probe}"


def stored(page: Page) -> dict[str, Any]:
    """Return what the browser stores for the app."""
    found: dict[str, Any] = page.evaluate(STORED)
    return found


def images(page: Page) -> list[str]:
    """Return the URLs of the stored images."""
    return [url for name, url in stored(page)["files"] if name.startswith("images-")]


def sign_in_by_form(page: Page, key: str) -> None:
    """Open the gallery and enter a key."""
    page.goto("/gallery")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def in_gallery(page: Page, prompt: str) -> Locator:
    """Return the image of a prompt in the gallery."""
    return page.get_by_role("list", name="Images").get_by_role("img", name=prompt)


def turn_on(page: Page, *switches: str) -> None:
    """Turn on switches of the settings."""
    page.get_by_role("link", name="Settings").first.click()
    for name in switches:
        page.get_by_role("switch", name=name).click()
        expect(page.get_by_role("switch", name=name)).to_be_checked()


def reload_as_controlled(page: Page) -> None:
    """Reload with an active service worker, which does not control the page on a first visit."""
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.reload()


def use_as(page: Page, key: str, prompt: str) -> None:
    """Sign in, leave something in every store: images, answers, settings and a draft."""
    sign_in_by_form(page, key)
    expect(in_gallery(page, prompt)).to_be_visible(timeout=GENERATED_MS)
    turn_on(page, "Offline reading")
    page.get_by_role("group", name="Theme").get_by_text("Dark").click()
    page.get_by_role("link", name="Gallery").first.click()
    reload_as_controlled(page)
    expect(in_gallery(page, prompt)).to_be_visible()
    wait_in_page(page, f"async () => (await ({STORED})()).files.some(([name]) => name.startsWith('images-'))")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_label("Prompt", exact=True).fill(DRAFT)
    session = stored(page)["session"]
    assert DRAFT in session["draft"]
    assert prompt in session["answers"]


def expect_nothing_left(page: Page, key: str, prompt: str) -> None:
    """Check that neither the browser's stores nor the pages, online and offline, have anything of a session."""
    found = stored(page)
    for text in (prompt, DRAFT, key):
        assert text not in str(found)
    assert found["local"] == {}
    assert not [url for _, url in found["files"] if "/v1/" in url]
    for offline in (False, True):
        page.context.set_offline(offline)
        page.goto("/gallery")
        expect(page.get_by_role("main")).not_to_be_empty()
        page.wait_for_load_state("networkidle")
        expect(page.get_by_text(prompt)).to_have_count(0)
        expect(in_gallery(page, prompt)).to_have_count(0)
        page.goto("/create")
        expect(page.get_by_text(DRAFT)).to_have_count(0)
    page.context.set_offline(False)


def sign_out(page: Page) -> None:
    """Sign out and wait for the new page."""
    page.goto("/settings")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_label("Describe your image")).to_be_visible()
