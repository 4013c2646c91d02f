"""The user journeys of the web app, from the first visit on."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from services.accounts.call_limits import BURST_SECONDS, MIN_PER_SECOND
from tests.browser.conftest import GENERATED_MS, PHONE
from tests.support.system import System

Open = Callable[..., Page]
PAGES = ["/", "/create", "/gallery", "/dashboard", "/operations", "/about", "/verify", "/settings"]


def ask(page: Page, prompt: str) -> None:
    """Fill in the form and send it."""
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name=re.compile("^Generate( another)?$")).click()


def card(page: Page, prompt: str) -> Locator:
    """Return the card of a request."""
    return page.get_by_role("article", name=f"Request: {prompt}")


def expect_generated(page: Page, prompt: str) -> None:
    """Wait until a request is done and its image has loaded."""
    expect(card(page, prompt).get_by_role("status").first).to_have_text("Done", timeout=GENERATED_MS)
    image = card(page, prompt).get_by_role("img", name=prompt)
    expect(image).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image.element_handle())


def test_a_first_visit_leads_to_a_finished_image(open_app: Open, owner_key: Callable[[str], str]) -> None:
    prompt = "A paper boat on a moonlit lake"
    page = open_app("/")
    page.get_by_label("Describe your image").fill(prompt)
    page.get_by_role("button", name="Start").click()
    page.get_by_label("API key").fill(owner_key("first-visit"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(prompt)
    page.get_by_role("button", name=re.compile("^Generate( another)?$")).click()

    expect_generated(page, prompt)
    steps = card(page, prompt).get_by_role("list", name="Progress").get_by_role("listitem")
    assert steps.count() == 5
    expect(steps.filter(has_text="pending")).to_have_count(0)

    card(page, prompt).get_by_role("img", name=prompt).click()
    detail = page.get_by_role("dialog")
    expect(detail.get_by_text(prompt).first).to_be_visible()
    with page.expect_download() as download:
        detail.get_by_role("button", name="Download").click()
    assert download.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_rejected_prompt_shows_why_and_can_be_edited(open_app: Open, owner_key: Callable[[str], str]) -> None:
    page = open_app("/create", key=owner_key("rejected"))
    ask(page, "n4k3d w0man, p.o.r.n")

    rejected = card(page, "n4k3d w0man, p.o.r.n")
    expect(rejected.get_by_role("status").first).to_have_text("Rejected", timeout=GENERATED_MS)
    expect(rejected.get_by_text(re.compile("sexual content"))).to_be_visible()
    page.get_by_label("Prompt", exact=True).fill("")
    rejected.get_by_role("button", name="Edit and try again").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("n4k3d w0man, p.o.r.n")
    expect(page.get_by_label("Prompt", exact=True)).to_be_focused()


def test_the_gallery_can_be_filtered_and_images_deleted(
    open_app: Open, owner_key: Callable[[str], str], stack: System
) -> None:
    key = owner_key("collector")
    prompts = ["A red fox in the snow", "A harbour at dusk"]
    for prompt in prompts:
        answer = stack.call("POST", "/v1/requests", {"prompt": prompt}, {"prefer": "wait=25"}, key=key)
        assert answer.status in {200, 202}, answer.content
    page = open_app("/gallery", key=key)
    images = page.get_by_role("list", name="Images").get_by_role("link")
    expect(images).to_have_count(2, timeout=GENERATED_MS)

    page.get_by_label("Search prompts").fill("fox")
    expect(images).to_have_count(1)
    expect(page).to_have_url(re.compile(r"[?&]q=fox"))
    images.first.click()
    detail = page.get_by_role("dialog")
    with page.expect_response(lambda answer: "favourite" in answer.url and answer.ok):
        detail.get_by_role("button", name="Favourite", exact=True).click()
    expect(detail.get_by_role("button", name="Favourite", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_role("button", name="Favourites", exact=True).click()
    expect(images).to_have_count(1)
    page.get_by_role("button", name="Favourites", exact=True).click()
    expect(images).to_have_count(2)

    images.first.click()
    detail.get_by_role("button", name="Delete").click()
    expect(images).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(images).to_have_count(2)
    images.first.click()
    with page.expect_response(lambda answer: answer.request.method == "DELETE" and answer.ok, timeout=GENERATED_MS):
        detail.get_by_role("button", name="Delete").click()
    page.reload()
    expect(images).to_have_count(1)


def test_a_reload_finds_requests_in_progress(open_app: Open, owner_key: Callable[[str], str], stack: System) -> None:
    prompt = "A slow train through autumn woods"
    stack.models(
        "POST", "/_faults", {"operation": "invoke", "effect": "delay", "seconds": 4, "prompt_contains": prompt}
    )
    page = open_app("/create", key=owner_key("reloader"))
    ask(page, prompt)
    expect(card(page, prompt).get_by_role("status").first).to_have_text("Generating", timeout=GENERATED_MS)
    page.reload()

    expect(card(page, prompt)).to_be_visible()
    expect_generated(page, prompt)


def test_a_lost_connection_is_shown_and_recovers(
    open_app: Open, owner_key: Callable[[str], str], stack: System
) -> None:
    prompt = "A lantern in the fog"
    stack.models(
        "POST", "/_faults", {"operation": "invoke", "effect": "delay", "seconds": 3, "prompt_contains": prompt}
    )
    page = open_app("/create", key=owner_key("offliner"))
    ask(page, prompt)
    expect(card(page, prompt).get_by_role("status").first).to_have_text("Generating", timeout=GENERATED_MS)
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    page.context.set_offline(False)

    expect(page.get_by_text("You are offline.")).to_be_hidden()
    expect_generated(page, prompt)


def test_without_the_notifications_service_the_app_polls(
    open_app: Open, owner_key: Callable[[str], str], stack: System
) -> None:
    functions = stack.client("lambda")
    names = [f"{stack.prefix}-notifications-{name}" for name in ("api", "socket")]
    for name in names:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        prompt = "A windmill without wind"
        page = open_app("/create", key=owner_key("poller"))
        ask(page, prompt)
        expect_generated(page, prompt)
        expect(page.get_by_text("Connected")).to_be_visible()
    finally:
        for name in names:
            functions.delete_function_concurrency(FunctionName=name)


def test_the_app_stays_far_below_the_limit_on_calls(open_app: Open, owner_key: Callable[[str], str]) -> None:
    prompts = ["A kite above a beach", "A snail on a wall", "A bicycle in the rain"]
    page = open_app("/create", key=owner_key("busy"))
    calls: list[str] = []
    page.context.on("request", lambda request: calls.append(request.url) if "/v1/" in request.url else None)
    for prompt in prompts:
        ask(page, prompt)
    for prompt in prompts:
        expect_generated(page, prompt)
    home = page.url.removesuffix("/create")
    for path in PAGES:
        page.goto(home + path)
        page.wait_for_load_state("networkidle")

    assert len(calls) > len(PAGES)
    assert len(calls) < MIN_PER_SECOND * BURST_SECONDS / 4, "a key may make four times as many at once"


def test_changes_are_pushed(open_app: Open, owner_key: Callable[[str], str]) -> None:
    page = open_app("/create", key=owner_key("listener"))

    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_an_image_is_generated_with_the_keyboard_alone(open_app: Open, owner_key: Callable[[str], str]) -> None:
    prompt = "A lighthouse made of keys"
    page = open_app("/create", key=owner_key("typist"))
    expect(page.get_by_label("Prompt", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=re.compile("skip", re.IGNORECASE))).to_be_focused()
    for _ in range(20):
        if page.get_by_label("Prompt", exact=True).evaluate("field => field === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.type(prompt)
    page.keyboard.press("Control+Enter")
    expect_generated(page, prompt)

    page.goto(page.url.replace("/create", "/gallery"))
    link = page.get_by_role("list", name="Images").get_by_role("link").first
    expect(link).to_be_visible()
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(open_app: Open, owner_key: Callable[[str], str], path: str) -> None:
    page = open_app(path, key=owner_key("phone"), viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.get_by_role("main")).to_be_visible()
    page.wait_for_load_state("networkidle")

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_dark_theme_is_dark(open_app: Open) -> None:
    def lightness(page: Page) -> float:
        colour = page.evaluate(
            """() => {
                const context = document.createElement('canvas').getContext('2d');
                context.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
                context.fillRect(0, 0, 1, 1);
                return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
            }"""
        )
        return float(sum(colour) / 3)

    assert lightness(open_app("/", color_scheme="light")) > 200
    assert lightness(open_app("/", color_scheme="dark")) < 60
