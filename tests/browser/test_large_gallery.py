"""A gallery of ten thousand images, scrolled from the first to the last.

The pages of the list are made here from the real answer about one image: the emulator reads its whole table for each.
What such lists cost in DynamoDB is goal 9 of the benchmarks.
"""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import CDPSession, Page, Route, expect

from tests.browser.conftest import GENERATED_MS
from tests.support.system import System

IMAGES: Final = 10_000
EARLY: Final = 1_000
"""Images after which the page's size is compared with that at the end."""
SHOWN: Final = 80
"""Images that the page may have at the end: four in each of about twelve rows, visible or near, and some to spare."""
HEAP_PER_IMAGE: Final = 2_500
"""Bytes per image: what the API says of each, with its signed links, and its place. 1,554 were measured."""
SCROLL_MS: Final = 120_000


@pytest.fixture
def one_image(stack: System, owner_key: Callable[[str], str]) -> tuple[str, dict[str, Any]]:
    """Return the key of an owner with one image, and what the list says of it."""
    key = owner_key("stamps")
    answer = stack.call("POST", "/v1/requests", {"prompt": "A stamp collection"}, key=key)
    assert answer.status == 202, answer.content
    [image] = stack.wait_until(
        lambda: stack.call("GET", "/v1/images", key=key).json["images"], seconds=GENERATED_MS / 1000, what="an image"
    )
    return key, image


def test_scrolling_through_ten_thousand_images_keeps_their_list_only(
    open_app: Callable[..., Page], one_image: tuple[str, dict[str, Any]]
) -> None:
    key, image = one_image
    page = open_app("/", key=key)
    page.route("**/v1/images?*", lambda route: _answer(route, image))
    page.get_by_role("navigation").get_by_role("link", name="Gallery").first.click()
    expect(page.get_by_role("list", name="Images")).to_be_visible()
    developer = page.context.new_cdp_session(page)
    developer.send("Performance.enable")
    _scroll_until(page, EARLY)
    early, early_nodes = _kept(developer)
    _scroll_until(page, IMAGES)
    late, late_nodes = _kept(developer)
    assert late - early <= HEAP_PER_IMAGE * (IMAGES - EARLY)
    assert late_nodes <= 1.2 * early_nodes
    assert page.locator("li[aria-posinset]").count() <= SHOWN
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator(f"li[aria-posinset='{IMAGES}'] img")
    expect(last).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=last.element_handle())
    page.locator(f"li[aria-posinset='{IMAGES}'] a").focus()
    page.keyboard.press("Home")
    expect(page.locator("li[aria-posinset='1'] a")).to_be_focused()


def _answer(route: Route, image: dict[str, Any]) -> None:
    query = parse_qs(urlsplit(route.request.url).query)
    first, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
    end = min(first + limit, IMAGES)
    images = [{**image, "id": f"01a00000-0000-7000-8000-{number:012x}-0"} for number in range(first, end)]
    answer = {"images": images, "next_cursor": str(end) if end < IMAGES else None}
    headers = {"access-control-allow-origin": "*", "content-type": "application/json"}
    route.fulfill(status=200, headers=headers, body=json.dumps(answer))


def _scroll_until(page: Page, images: int) -> None:
    """Scroll down, as far as the page goes each time, until it knows that many images."""
    page.wait_for_function(
        """images => {
            window.scrollTo(0, document.documentElement.scrollHeight)
            const item = document.querySelector("li[aria-setsize]")
            return Number(item?.getAttribute("aria-setsize")) >= images
        }""",
        arg=images,
        timeout=SCROLL_MS,
        polling=50,
    )


def _kept(developer: CDPSession) -> tuple[float, float]:
    """Return the bytes that the page keeps on the heap and its nodes, without what can be collected."""
    developer.send("HeapProfiler.collectGarbage")
    figures = {each["name"]: each["value"] for each in developer.send("Performance.getMetrics")["metrics"]}
    return float(figures["JSHeapUsedSize"]), float(figures["Nodes"])
