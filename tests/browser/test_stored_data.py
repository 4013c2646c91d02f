"""What the browser keeps during a session: nothing private unless the user asked for it, nothing that was deleted."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import GENERATED_MS, TIMEOUT_MS, new_owner
from tests.browser.visits import (
    STORED,
    images,
    in_gallery,
    reload_as_controlled,
    sign_in_by_form,
    stored,
    turn_on,
    use_as,
    wait_in_page,
)
from tests.support.system import System

Open = Callable[..., Page]
HIDDEN = "Object.defineProperty(document, 'hidden', { get: () => true })"
"""Let the page believe that it is in the background."""
NOTIFICATIONS = """async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    return (await registration.getNotifications()).map(({ title, body }) => `${title} ${body}`);
}"""
LEFT_BY_A_KILLED_BROWSER = """async () => {
    const cache = await caches.open('images-00000000000000000000000000000000');
    await cache.put('https://images.test/a.webp', new Response('An image'));
    const registration = await navigator.serviceWorker.ready;
    await registration.showNotification('A title', { body: 'A prompt', data: { path: '/', session: null } });
}"""
AT_FIRST_SIGHT = """new MutationObserver((_changes, observer) => {
    if (!document.querySelector('#root > *')) return;
    observer.disconnect();
    window.atFirstSight = Promise.all([
        caches.keys(),
        navigator.serviceWorker.getRegistration().then((registration) => registration.getNotifications()),
    ]).then(([names, { length }]) => [...names.filter((name) => name.startsWith('images-')), length]);
}).observe(document, { childList: true, subtree: true })"""
"""Record what the browser stores at the moment in which the page shows something."""
CONTROLLED = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
"""Chromium has no Global Privacy Control."""


def expect_offline(page: Page, prompt: str) -> None:
    """Check that the gallery is shown with its image after a reload without a connection."""
    page.goto("/gallery")
    image = in_gallery(page, prompt)
    expect(image).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image.element_handle())


def test_nothing_private_is_stored_unasked(open_app: Open, keys: dict[str, str], prompts: dict[str, str]) -> None:
    page = open_app()
    sign_in_by_form(page, keys["alice"])
    expect(in_gallery(page, prompts["alice"])).to_be_visible()
    with page.expect_response(lambda answer: "/images/" in answer.url and answer.from_service_worker):
        reload_as_controlled(page)
    in_gallery(page, prompts["alice"]).click()
    expect(page.get_by_role("dialog").get_by_role("img", name=prompts["alice"])).to_be_visible()
    page.goto("/create")
    expect(page.get_by_text(prompts["alice"]).first).to_be_visible()

    found = stored(page)
    assert images(page) == []
    assert {name.split("-")[0] for name, _ in found["files"]} == {"shell"}
    assert prompts["alice"] not in str(found)
    page.context.set_offline(True)
    page.goto("/gallery")
    expect(page.get_by_text("You are offline.")).to_be_visible()
    expect(in_gallery(page, prompts["alice"])).to_have_count(0)


def test_with_offline_reading_images_and_requests_survive_a_reload(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str]
) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    page.goto("/gallery")
    expect(in_gallery(page, prompts["alice"])).to_be_visible()
    page.context.set_offline(True)
    for _ in range(2):
        expect_offline(page, prompts["alice"])
    page.goto("/create")
    expect(page.get_by_role("article", name=f"Request: {prompts['alice']}").first).to_be_visible()


def test_stored_images_are_named_without_their_signature(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str]
) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])

    files = [url for url in images(page) if not re.search(r"/(display|thumbnail)\.webp$", url)]
    assert images(page)
    assert files == []


def test_turning_offline_reading_off_deletes_what_was_stored(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str]
) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("switch", name="Offline reading").uncheck()
    wait_in_page(page, f"async () => !(await ({STORED})()).files.some(([name]) => name.startsWith('images-'))")

    assert "answers" not in stored(page)["session"]
    page.goto("/gallery")
    expect(in_gallery(page, prompts["alice"])).to_be_visible()
    assert images(page) == []


def test_a_key_that_is_not_remembered_allows_no_offline_reading(
    open_app: Open, keys: dict[str, str], prompts: dict[str, str]
) -> None:
    page = open_app()
    use_as(page, keys["alice"], prompts["alice"])
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("switch", name=re.compile("^Remember")).click()
    expect(page.get_by_role("switch", name="Offline reading")).to_be_disabled()
    wait_in_page(page, f"async () => !(await ({STORED})()).files.some(([name]) => name.startsWith('images-'))")

    assert stored(page)["session"] == {}


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


def test_what_a_killed_browser_left_is_deleted_before_anything_is_shown(open_app: Open) -> None:
    page = open_app("/", permissions=["notifications"])
    expect(page.get_by_label("Describe your image")).to_be_visible()
    page.evaluate(LEFT_BY_A_KILLED_BROWSER)
    assert images(page)
    assert len(page.evaluate(NOTIFICATIONS)) == 1
    page.add_init_script(AT_FIRST_SIGHT)
    page.goto("/gallery")
    expect(page.get_by_role("heading", name="Enter your API key")).to_be_visible()

    assert page.evaluate("window.atFirstSight") == [0]


def show_in_detail(page: Page, prompt: str) -> str:
    """Open an image, wait until its files are stored, and return the start of their URLs."""
    page.goto("/gallery")
    in_gallery(page, prompt).click()
    shown = page.get_by_role("dialog").get_by_role("img", name=prompt)
    expect(shown).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=shown.element_handle())
    folder = str(shown.evaluate("image => image.currentSrc")).split("?")[0].rpartition("/")[0]
    wait_in_page(
        page, f"async folder => (await ({STORED})()).files.some(([, url]) => url.startsWith(folder))", arg=folder
    )
    return folder


def expect_forgotten(page: Page, folder: str, image_id: str) -> None:
    """Check that neither files nor answers contain a deleted image, also after the page is left."""
    wait_in_page(
        page, f"async folder => !(await ({STORED})()).files.some(([, url]) => url.startsWith(folder))", arg=folder
    )
    page.goto("/about")
    expect(page.get_by_role("heading", name="Privacy")).to_be_visible()
    answers = stored(page)["session"]["answers"]
    assert folder not in answers
    # The request goes on to name the image, as deleted.
    assert image_id not in str([each for each in json.loads(answers)["queries"] if each["queryKey"][0] != "request"])


@pytest.fixture
def two_images(stack: System, owner_key: Callable[[str], str]) -> tuple[str, str, str]:
    """Return a key whose owner has two images, with their prompts."""
    key = owner_key("tidy")
    prompts = ("A stone bridge", "A wooden bridge")
    for prompt in prompts:
        stack.call("POST", "/v1/requests", {"prompt": prompt}, {"prefer": "wait=25"}, key=key)
    return (key, *prompts)


def test_deleting_an_image_deletes_it_from_every_store_of_every_tab(
    open_app: Open, two_images: tuple[str, str, str]
) -> None:
    key, kept, removed = two_images
    page = open_app()
    use_as(page, key, kept)
    other = page.context.new_page()
    use_as(other, key, kept)
    show_in_detail(other, removed)
    other.get_by_role("button", name="Close").click()
    folder = show_in_detail(page, removed)
    image_id = page.url.rpartition("/")[2]
    with page.expect_response(lambda answer: answer.request.method == "DELETE" and answer.ok, timeout=GENERATED_MS):
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(in_gallery(other, removed)).to_have_count(0)
    for tab in (page, other):
        expect_forgotten(tab, folder, image_id)
    assert images(page)


def test_an_image_deleted_elsewhere_is_forgotten_once_it_is_opened(
    open_app: Open, two_images: tuple[str, str, str], stack: System
) -> None:
    key, kept, removed = two_images
    page = open_app()
    use_as(page, key, kept)
    folder = show_in_detail(page, removed)
    image_id = page.url.rpartition("/")[2]
    assert stack.call("DELETE", f"/v1/images/{image_id}", key=key).status == 204
    page.reload()
    expect(page.get_by_role("dialog").get_by_text(removed)).to_have_count(0)
    expect(page.get_by_role("dialog").get_by_role("button", name="Delete")).to_have_count(0)

    expect_forgotten(page, folder, image_id)


def finished(page: Page, prompt: str) -> Locator:
    """Return the status of a finished request."""
    return page.get_by_role("article", name=f"Request: {prompt}").get_by_role("status").first


@pytest.mark.parametrize("with_prompts", [False, True], ids=["status-only", "with-prompts"])
def test_a_notification_has_the_prompt_only_if_the_user_chose_so(
    open_app: Open, owner_key: Callable[[str], str], with_prompts: bool
) -> None:
    prompt = "A letter in a sealed envelope"
    page = open_app("/", key=owner_key("notified"), permissions=["notifications"])
    turn_on(page, "Browser notifications", *(["Show prompts in notifications"] if with_prompts else []))
    page.evaluate(HIDDEN)
    page.get_by_role("link", name="Create").first.click()
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name=re.compile("^Generate( another)?$")).click()
    expect(finished(page, prompt)).to_have_text("Done", timeout=GENERATED_MS)
    wait_in_page(page, f"async () => (await ({NOTIFICATIONS})()).length > 0")

    (shown,) = page.evaluate(NOTIFICATIONS)
    assert (prompt in shown) == with_prompts
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Describe your image")).to_be_visible()
    assert page.evaluate(NOTIFICATIONS) == []


def test_global_privacy_control_opts_out_before_the_first_request(open_app: Open, stack: System) -> None:
    owner = new_owner("private")
    key = stack.stack.make_key(owner)
    page = open_app()
    page.add_init_script(CONTROLLED)
    page.goto(f"/settings#key={key}")
    assert stack.call("GET", "/v1/preferences", key=key).json["analytics_opt_out"] is False
    page.get_by_role("button", name=f"Sign in as {owner}").click()
    switch = page.get_by_role("switch", name="Exclude me from analytics")

    expect(switch).to_be_checked()
    expect(switch).to_be_disabled()
    assert stack.call("GET", "/v1/preferences", key=key).json["analytics_opt_out"] is True
