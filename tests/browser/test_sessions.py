"""Sign-in by form and by link, and what a session leaves in the browser: nothing."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, SIGN_IN
from tests.browser.visits import (
    expect_nothing_left,
    images,
    in_gallery,
    sign_in_by_form,
    sign_out,
    stored,
    use_as,
)
from tests.support.system import System

Open = Callable[..., Page]


def test_signing_out_leaves_nothing(open_app: Open, keys: dict[str, str], prompts: dict[str, str]) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    stored_images = images(page)
    sign_out(page)

    assert stored_images
    assert images(page) == []
    assert stored(page)["session"] == {}
    expect_nothing_left(page, keys["alice"], prompts["alice"])


def test_the_next_user_by_form_sees_nothing_of_the_last(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str]
) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    sign_out(page)
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
    assert before
    assert images(page) == []
    assert set(stored(page)["session"]) <= {"api-key", "theme"}
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
