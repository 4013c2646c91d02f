"""Erasing all data in the app, and deleting one request."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import GENERATED_MS
from tests.browser.visits import expect_nothing_left, images, in_gallery, sign_in_by_form, stored, use_as
from tests.support.system import System

Open = Callable[..., Page]
PROMPT = "A door that closes for ever"


@pytest.fixture
def key(stack: System, owner_key: Callable[[str], str]) -> str:
    """Return a key whose owner has an image."""
    key = owner_key("leaving")
    stack.call("POST", "/v1/requests", {"prompt": PROMPT}, {"prefer": "wait=25"}, key=key)
    return key


def test_erasing_all_data_leaves_the_receipt_only(open_app: Open, key: str) -> None:
    page = open_app()
    use_as(page, key, PROMPT)
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("button", name="Erase my data").click()
    dialog = page.get_by_role("dialog", name="Erase all your data?")
    dialog.get_by_role("button", name="Keep my data").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Erase my data").click()
    dialog.get_by_role("button", name="Erase everything").click()

    expect(page.get_by_role("heading", name="Receipt of your erasure")).to_be_visible()
    expect(page.get_by_text("intake/requests", exact=True).first).to_be_visible(timeout=GENERATED_MS)
    assert images(page) == []
    session = stored(page)["session"]
    assert set(session) <= {"receipt", "theme"}
    token = re.search('"token":"([^"]+)"', session["receipt"])
    assert token is not None
    page.reload()
    expect(page.get_by_text(token[1])).to_be_visible()
    other = page.context.new_page()
    other.goto("/erasure")
    expect(other.get_by_text("This tab has no receipt")).to_be_visible()
    expect_nothing_left(page, key, PROMPT)


def test_a_deleted_request_is_gone_with_its_image(open_app: Open, key: str) -> None:
    page = open_app()
    sign_in_by_form(page, key)
    expect(in_gallery(page, PROMPT)).to_be_visible()
    page.get_by_role("link", name="Create").first.click()
    card = page.get_by_role("article", name=f"Request: {PROMPT}")
    with page.expect_response(lambda answer: answer.request.method == "DELETE" and answer.ok, timeout=GENERATED_MS):
        card.get_by_role("button", name="Delete").click()
        expect(card).to_have_count(0)

    page.get_by_role("link", name="Gallery").first.click()
    expect(in_gallery(page, PROMPT)).to_have_count(0)
