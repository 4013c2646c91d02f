"""Consent in the app, on a stack that requires it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect

from services.accounts.consent import Consent, Versions, current_versions
from services.accounts.repository.keys import KeyTable
from tests.browser.conftest import GENERATED_MS, PHONE, new_owner
from tests.browser.test_accessible import AXE
from tests.support.system import System, own_system

Open = Callable[..., Page]
PROMPT = "A handshake in the rain"
TITLE = "Terms and privacy notice"


@pytest.fixture(scope="module")
def consent_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Deploy the template with ``RequireConsent``: the shared stack does not require it."""
    with own_system(tmp_path_factory.mktemp("consent"), parameters={"RequireConsent": "on"}) as system:
        yield system


@pytest.fixture(scope="module")
def url(consent_stack: System) -> str:
    """Publish the app, and return its address."""
    return consent_stack.stack.publish_web()


@pytest.fixture
def key(consent_stack: System) -> str:
    """Return a key of a new owner, who has not agreed to anything."""
    return consent_stack.stack.make_key(new_owner("agreeing"))


def generate(page: Page) -> Locator:
    """Send a prompt, and return the dialog that asks for consent."""
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.get_by_role("button", name="Generate").click()
    dialog = page.get_by_role("dialog", name=TITLE)
    expect(dialog).to_be_visible()
    return dialog


def test_the_first_request_asks_for_consent_and_continues(open_app: Open, url: str, key: str) -> None:
    page = open_app(f"{url}/create", key=key)
    dialog = generate(page)
    expect(dialog.get_by_role("link", name="Terms of use")).to_be_focused()
    for name, heading in (("Terms of use", "Terms of use"), ("Privacy notice", "Privacy notice")):
        with page.context.expect_page() as opened:
            dialog.get_by_role("link", name=name).click()
        expect(opened.value.get_by_role("heading", level=1, name=heading)).to_be_visible()
        expect(opened.value.get_by_text(f"Version {current_versions().terms}")).to_be_visible()
        opened.value.close()
    dialog.get_by_role("button", name="Agree and continue").click()
    expect(dialog).to_have_count(0)
    card = page.get_by_role("article", name=f"Request: {PROMPT}")
    expect(card.get_by_role("img", name=PROMPT)).to_be_visible(timeout=GENERATED_MS)
    expect(card).to_have_count(1)

    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("article", name=f"Request: {PROMPT}")).to_have_count(2)
    expect(dialog).to_have_count(0)


def test_not_now_keeps_the_draft_and_asks_again(open_app: Open, url: str, key: str) -> None:
    page = open_app(f"{url}/create", key=key, viewport=PHONE)
    dialog = generate(page)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Your consent is required")).to_be_visible()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    page.get_by_role("button", name="Read and agree").click()
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    expect(page.get_by_role("article", name=f"Request: {PROMPT}")).to_have_count(0)


def test_a_newer_version_asks_again(open_app: Open, consent_stack: System, url: str, key: str) -> None:
    me = consent_stack.call("GET", "/v1/me", key=key).json
    earlier = Consent(Versions("2026-01-31", current_versions().privacy_notice), datetime(2026, 2, 1, tzinfo=UTC), "k")
    accounts = KeyTable(consent_stack.client("dynamodb"), f"{consent_stack.prefix}-accounts")
    accounts.owners.give_consent(me["owner_id"], earlier)
    page = open_app(f"{url}/create", key=key)
    dialog = generate(page)
    expect(dialog).to_contain_text("New versions were published after you agreed on")
    expect(dialog.get_by_text("You agreed to that of")).to_have_count(1)
    dialog.get_by_role("button", name="Agree and continue").click()
    expect(page.get_by_role("article", name=f"Request: {PROMPT}")).to_be_visible()
    assert consent_stack.call("GET", "/v1/consent", key=key).json["valid"]


def test_the_settings_show_and_withdraw_the_consent(open_app: Open, consent_stack: System, url: str, key: str) -> None:
    page = open_app(f"{url}/settings", key=key)
    page.get_by_role("button", name="Read and agree").click()
    page.get_by_role("dialog", name=TITLE).get_by_role("button", name="Agree").click()
    expect(page.get_by_text("you agreed to the terms of")).to_be_visible()
    assert consent_stack.call("GET", "/v1/consent", key=key).json["valid"]
    page.get_by_role("button", name="Withdraw consent").click()
    dialog = page.get_by_role("dialog", name="Withdraw your consent?")
    dialog.get_by_role("button", name="Withdraw consent").click()
    expect(page.get_by_text("You withdrew your consent on")).to_be_visible()
    assert not consent_stack.call("GET", "/v1/consent", key=key).json["valid"]

    def refusal() -> object:
        answer = consent_stack.call("POST", "/v1/requests?dry_run=true", {"prompt": PROMPT}, key=key)
        return answer.status == 403 and answer.json["code"]

    # 30 seconds, and time for slow answers of a busy machine
    refused = consent_stack.wait_until(refusal, seconds=90, every=1, what="the withdrawal to take effect")
    assert refused == "consent_required"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_dialogs(open_app: Open, url: str, key: str, scheme: str) -> None:
    page = open_app(f"{url}/create", key=key, color_scheme=scheme, reduced_motion="reduce")
    dialog = generate(page)
    page.evaluate(AXE.read_text())
    assert page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))") == []
    dialog.get_by_role("button", name="Agree and continue").click()
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("button", name="Withdraw consent").click()
    expect(page.get_by_role("dialog", name="Withdraw your consent?")).to_be_visible()
    assert page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))") == []
