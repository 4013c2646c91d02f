"""A gallery of ten thousand images, scrolled from the first to the last."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from playwright.sync_api import CDPSession, Page, expect

from kit.dynamodb import full_folder
from tests.support.system import System

IMAGES: Final = 10_000
EARLY: Final = 1_000
"""Images after which the page's size is compared with that at the end."""
NODES: Final = 1.5
"""How many times as many DOM nodes the page may have at the end: rows differ in their number of images."""
HEAP_PER_IMAGE: Final = 4_000
"""Bytes per image: what the API says of each, with its signed links, and its place."""
REPEATED: Final = datetime(2026, 1, 1, tzinfo=UTC)
LOAD_MS: Final = 30_000


@pytest.fixture
def large_gallery(stack: System) -> str:
    """Return the key of an owner with ten thousand images, which share the files of one."""
    key = stack.stack.make_key("collector", limit=1_000_000)
    answer = stack.call("POST", "/v1/requests", {"prompt": "A stamp collection"}, {"prefer": "wait=25"}, key=key)
    request_id = answer.json["id"]
    dynamodb, table = stack.client("dynamodb"), f"{stack.prefix}-gallery"
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": f"image#{request_id}-0"}})["Item"]
    item["folder"] = {"S": full_folder(item["folder"]["S"], request_id)}
    for copies in _batches(_copies(item, IMAGES - 1)):
        left = dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": copy}} for copy in copies]})
        assert not left.get("UnprocessedItems")
    return key


def test_scrolling_through_ten_thousand_images_needs_no_more_memory(
    open_app: Callable[..., Page], large_gallery: str
) -> None:
    page = open_app("/gallery", key=large_gallery)
    expect(page.get_by_role("list", name="Images")).to_be_visible()
    developer = page.context.new_cdp_session(page)
    developer.send("Performance.enable")
    _scroll_until(page, EARLY)
    early = _size(developer)
    _scroll_until(page, IMAGES)
    late = _size(developer)
    assert late["Nodes"] <= NODES * early["Nodes"]
    assert late["JSHeapUsedSize"] - early["JSHeapUsedSize"] <= HEAP_PER_IMAGE * (IMAGES - EARLY)
    last = page.locator(f"li[aria-posinset='{IMAGES}'] img")
    expect(last).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=last.element_handle())
    page.get_by_role("link").and_(page.locator("li[aria-posinset] a")).last.focus()
    page.keyboard.press("Home")
    expect(page.locator("li[aria-posinset='1'] a")).to_be_focused()


def _copies(item: Mapping[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """Yield older images: they have ids and times of their own."""
    for second in range(number):
        image_id = f"01a00000-0000-7000-8000-{second:012x}-0"
        time = (REPEATED + timedelta(seconds=second, microseconds=1)).isoformat(timespec="microseconds")
        yield {**item, "pk": {"S": f"image#{image_id}"}, "listing_key": {"S": f"{time}#{image_id}"}}


def _batches(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := [item for _, item in zip(range(25), items, strict=False)]:
        yield batch


def _scroll_until(page: Page, images: int) -> None:
    """Scroll down until the list knows that many images, as far as it goes each time."""
    page.wait_for_function(
        """async images => {
            window.scrollTo(0, document.documentElement.scrollHeight)
            const item = document.querySelector("li[aria-setsize]")
            return Number(item?.getAttribute("aria-setsize")) >= images
        }""",
        arg=images,
        timeout=LOAD_MS * images / EARLY,
        polling=100,
    )


def _size(developer: CDPSession) -> dict[str, float]:
    """Return the browser's figures of the page, without what can be collected."""
    developer.send("HeapProfiler.collectGarbage")
    return {each["name"]: each["value"] for each in developer.send("Performance.getMetrics")["metrics"]}
