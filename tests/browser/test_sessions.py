"""Sign-in by form and by link, and what a session leaves in the browser: nothing."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import DESKTOP, GENERATED_MS, SIGN_IN, TIMEOUT_MS
from tests.support.system import System

Open = Callable[..., Page]
STORED = """async () => {
    const files = [];
    for (const name of await caches.keys())
        for (const { url } of await (await caches.open(name)).keys()) files.push([name, url]);
    return { files, session: { ...sessionStorage }, local: { ...localStorage } };
}"""
"""Everything that a page can read of what the browser stores."""


@pytest.fixture(scope="module")
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


def use_as(page: Page, key: str, prompt: str) -> None:
    """Sign in, view the gallery until its image is stored, and leave a draft."""
    sign_in_by_form(page, key)
    expect(in_gallery(page, prompt)).to_be_visible(timeout=GENERATED_MS)
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.reload()
    expect(in_gallery(page, prompt)).to_be_visible()
    page.wait_for_function(f"async () => (await ({STORED})()).files.some(([name]) => name.startsWith('images-'))")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_label("Prompt", exact=True).fill("A draft that nobody else may read")
    assert "A draft" in stored(page)["session"]["draft"]


def expect_nothing_left(page: Page, key: str, prompt: str) -> None:
    """Check that neither the browser's stores nor the gallery, online and offline, have anything of a session."""
    found = stored(page)
    assert prompt not in str(found)
    assert "A draft" not in str(found)
    assert key not in str(found)
    assert not [url for _, url in found["files"] if "/v1/" in url]
    for offline in (False, True):
        page.context.set_offline(offline)
        page.goto("/gallery")
        expect(page.get_by_role("main")).not_to_be_empty()
        page.wait_for_load_state("networkidle")
        expect(page.get_by_text(prompt)).to_have_count(0)
        expect(in_gallery(page, prompt)).to_have_count(0)
        page.goto("/create")
        expect(page.get_by_text("A draft that nobody else may read")).to_have_count(0)
    page.context.set_offline(False)


def test_signing_out_leaves_nothing(open_app: Open, keys: dict[str, str], prompts: dict[str, str]) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    stored_images = images(page)
    page.goto("/settings")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/$"))

    assert stored_images
    assert images(page) == []
    expect_nothing_left(page, keys["alice"], prompts["alice"])


def test_the_next_user_by_form_sees_nothing_of_the_last(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str]
) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    page.goto("/settings")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/$"))
    sign_in_by_form(page, keys["bob"])

    expect(in_gallery(page, prompts["bob"])).to_be_visible()
    expect_nothing_left(page, keys["alice"], prompts["alice"])


def test_the_next_user_by_link_sees_nothing_of_the_last(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str]
) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    before = images(page)
    page.goto(f"/gallery#key={keys['bob']}")
    page.get_by_role("button", name="Sign in as bob").click()

    expect(in_gallery(page, prompts["bob"])).to_be_visible()
    assert not set(before) & set(images(page))
    expect_nothing_left(page, keys["alice"], prompts["alice"])


@pytest.mark.parametrize("same_page", [True, False], ids=["same-page", "other-page"])
def test_a_foreign_link_does_not_replace_a_session_unasked(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str], same_page: bool
) -> None:
    page = open_app("/gallery", key=keys["alice"])
    expect(in_gallery(page, prompts["alice"])).to_be_visible()
    page.goto(f"{'/gallery' if same_page else '/create'}#key={keys['bob']}")
    question = page.get_by_role("dialog", name="Sign in with this link?")
    expect(question.get_by_text("You are signed in as alice")).to_be_visible()
    expect(question.get_by_role("button", name="Stay signed in as alice")).to_be_focused()
    assert keys["bob"] not in page.url
    page.keyboard.press("Enter")
    expect(question).to_be_hidden()

    assert stored(page)["session"]["api-key"] == keys["alice"]
    page.goto("/settings")
    expect(page.get_by_text("alice", exact=True)).to_be_visible()
    assert page.evaluate("history.length") < 10
    assert keys["bob"] not in str(stored(page))


def test_a_link_signs_nobody_in_unasked(open_app: Open, keys: dict[str, str]) -> None:
    page = open_app(f"/gallery#key={keys['bob']}")
    question = page.get_by_role("dialog", name="Sign in with this link?")
    expect(question.get_by_text("The link contains an API key of bob.")).to_be_visible()
    assert keys["bob"] not in page.url
    expect(question.get_by_role("button", name="Sign in as bob")).to_be_focused()
    question.get_by_role("button", name="Ignore the link").click()

    expect(page.get_by_role("heading", name="Enter your API key")).to_be_visible()
    assert keys["bob"] not in str(stored(page))


def test_a_link_with_an_invalid_key_says_so(open_app: Open, keys: dict[str, str]) -> None:
    page = open_app()
    refusal = {"status": 403, "json": {"message": "Forbidden"}, "headers": {"access-control-allow-origin": "*"}}
    # The emulator's own refusal has no CORS headers, so a page could not read it.
    page.route(
        "**/v1/me", lambda route: route.fulfill(**refusal) if route.request.method == "GET" else route.continue_()
    )
    page.goto(f"/#key={keys['bob'][:-1]}")
    question = page.get_by_role("dialog", name="Sign in with this link?")

    expect(question.get_by_text("The key in this link was not accepted")).to_be_visible()
    expect(question.get_by_role("button", name=SIGN_IN)).to_have_count(0)
    question.get_by_role("button", name="Close").click()
    expect(question).to_be_hidden()


def test_signing_out_ends_the_session_in_every_tab(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str]
) -> None:
    page = open_app("/settings", key=keys["alice"])
    other = page.context.new_page()
    other.goto(f"/gallery#key={keys['alice']}")
    other.get_by_role("button", name="Sign in as alice").click()
    expect(in_gallery(other, prompts["alice"])).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    expect(other).to_have_url(re.compile(r"/$"))
    assert "api-key" not in stored(other)["session"]
    expect(other.get_by_text(prompts["alice"])).to_have_count(0)


def test_closing_the_last_tab_deletes_the_images(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str], stack: System
) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    (worker,) = page.context.service_workers
    page.close()

    def deleted() -> bool:
        return not [name for name in worker.evaluate("caches.keys()") if name.startswith("images-")]

    assert not deleted()
    stack.wait_until(deleted, seconds=TIMEOUT_MS / 1000, every=0.5, what="the images to be deleted")


def test_a_reload_keeps_the_images(open_app: Open, keys: dict[str, str], prompts: dict[str, str]) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    page.goto("/gallery")
    expect(in_gallery(page, prompts["alice"])).to_be_visible()
    before = images(page)
    with page.expect_response(lambda answer: "/images/" in answer.url and answer.from_service_worker):
        page.reload()

    assert set(before) <= set(images(page))


def test_deleting_an_image_deletes_its_stored_files(open_app: Open, stack: System) -> None:
    key, kept, removed = stack.stack.make_key("tidy"), "A stone bridge", "A wooden bridge"
    for prompt in (kept, removed):
        stack.call("POST", "/v1/requests", {"prompt": prompt}, {"prefer": "wait=25"}, key=key)
    page = open_app()
    use_as(page, key, kept)
    page.goto("/gallery")
    in_gallery(page, removed).click()
    detail = page.get_by_role("dialog")
    shown = detail.get_by_role("img", name=removed)
    expect(shown).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=shown.element_handle())
    folder = str(shown.evaluate("image => image.currentSrc")).split("?")[0].rpartition("/")[0]
    assert [url for url in images(page) if url.startswith(folder)]
    with page.expect_response(lambda answer: answer.request.method == "DELETE" and answer.ok, timeout=GENERATED_MS):
        detail.get_by_role("button", name="Delete").click()

    page.wait_for_function(
        f"async folder => !(await ({STORED})()).files.some(([, url]) => url.startsWith(folder))", arg=folder
    )
    assert images(page)


def test_a_session_violates_no_policy_and_other_hosts_are_refused(
    new_context: Callable[..., BrowserContext], keys: dict[str, str], prompts: dict[str, str], stack: System
) -> None:
    context = new_context(viewport=DESKTOP)
    context.add_init_script(
        "window.violations = [];addEventListener('securitypolicyviolation', event => violations.push(event.blockedURI))"
    )
    page = context.new_page()
    response = page.goto(f"/gallery#key={keys['alice']}")
    assert response is not None
    assert "connect-src" in response.headers["content-security-policy"]
    page.get_by_role("button", name=SIGN_IN).click()
    in_gallery(page, prompts["alice"]).click()
    with page.expect_download():
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    for name in ("Create", "Dashboard", "About"):
        page.get_by_role("link", name=name, exact=True).first.click()
        page.wait_for_load_state("networkidle")
    assert page.evaluate("violations") == []

    elsewhere = stack.stack.models.url
    assert page.evaluate("url => fetch(url).then(() => 'sent', () => 'refused')", elsewhere) == "refused"
    socket = stack.outputs["SocketUrl"]
    other = socket.replace("/live", "/other")
    page.evaluate("url => new Promise(done => { new WebSocket(url).onerror = done })", other)
    assert {str(url).rstrip("/") for url in page.evaluate("violations")} == {elsewhere, other}
