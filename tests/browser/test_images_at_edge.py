"""Images in the width and format that a browser wants, behind the stand-in for the CDN."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Response as PageResponse

from kit.signed_urls import EXPIRES_SECONDS, WIDTH
from tests.browser.conftest import DESKTOP, PHONE, SIGN_IN, TIMEOUT_MS
from tests.browser.visits import STORED, in_gallery, reload_as_controlled, turn_on, wait_in_page
from tests.browser.visits import images as stored_images
from tests.support.system import System, own_system

PROMPT = "A lighthouse on a cliff"
LOADED = "image.complete && image.naturalWidth > 0"
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Deploy with the CDN of images, and publish the web app."""
    with own_system(tmp_path_factory.mktemp("cdn"), cdn=True) as system:
        system.stack.publish_web()
        yield system


@pytest.fixture(scope="module")
def image(behind: System) -> Any:
    """Generate an image, and return it as the gallery lists it."""
    found = behind.generate(PROMPT)["images"][0]
    return behind.call("GET", f"/v1/images/{found['id']}").json


@pytest.fixture
def answers() -> list[PageResponse]:
    """Return the answers that the pages of a test have got, in order."""
    return []


@pytest.fixture
def visit(behind: System, browser: Browser, image: Any, answers: list[PageResponse]) -> Iterator[Open]:
    """Return a function that opens the gallery in a new profile.

    By default without a service worker, which hides the headers that the CDN does not expose to pages.
    """
    contexts = []

    def open_gallery(**options: Any) -> Page:
        contexts.append(browser.new_context(**({"viewport": DESKTOP, "service_workers": "block"} | options)))
        contexts[-1].set_default_timeout(TIMEOUT_MS)
        page = contexts[-1].new_page()
        page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright takes no built-in
        page.goto(f"{behind.outputs['WebUrl']}/gallery#key={behind.stack.api_key}")
        page.get_by_role("button", name=SIGN_IN).click()
        expect(in_gallery(page, PROMPT)).to_be_visible()
        return page

    yield open_gallery
    for context in contexts:
        context.close()


def loaded(page: Page, answers: list[PageResponse], width: int) -> PageResponse:
    """Wait until the image is shown, and return the last answer with its file in ``width``."""
    page.wait_for_function(f"image => {LOADED}", arg=in_gallery(page, PROMPT).element_handle())
    return [answer for answer in answers if parse_qs(urlsplit(answer.url).query).get("w") == [str(width)]][-1]


def fetch(url: str, accept: str = "*/*") -> tuple[int, dict[str, str], bytes]:
    """GET a URL and return status, headers by their names in lower case, and content."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=30) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


@pytest.mark.parametrize(
    ("options", "width"),
    [
        ({}, 320),
        ({"device_scale_factor": 2}, 640),
        ({"viewport": PHONE}, 320),
        ({"viewport": PHONE, "device_scale_factor": 3}, 640),
    ],
    ids=["desktop", "desktop with two pixels per point", "phone", "phone with three"],
)
def test_the_right_width_and_format_are_fetched(
    visit: Open, answers: list[PageResponse], options: dict[str, Any], width: int
) -> None:
    page = visit(**options)
    answer = loaded(page, answers, width)

    assert (answer.status, answer.headers["content-type"]) == (200, "image/avif")
    with Image.open(BytesIO(answer.body())) as file:
        assert (file.format, file.width) == ("AVIF", width)
    others = page.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
    assert not [url for url in others if "thumbnail.webp" in url or "display.webp" in url]


def test_a_second_view_hits_the_cache(visit: Open, answers: list[PageResponse]) -> None:
    loaded(visit(), answers, 320)
    answers.clear()
    answer = loaded(visit(), answers, 320)  # with nothing of the first profile

    assert answer.headers["x-cache"] == "Hit from cloudfront"
    assert answer.headers["cache-control"] == f"private, max-age={EXPIRES_SECONDS}"


def test_the_image_view_fetches_a_larger_width(visit: Open) -> None:
    page = visit()
    with page.expect_response(lambda answer: "w=960" in answer.url) as found:
        in_gallery(page, PROMPT).click()

    assert found.value.headers["content-type"] == "image/avif"
    expect(page.get_by_role("dialog").get_by_role("img", name=PROMPT)).to_be_visible()


@pytest.mark.parametrize("width", ["641", "", "99999"])
def test_a_width_that_is_not_allowed_is_a_400(image: Any, width: str) -> None:
    status, headers, content = fetch(image["sized_url"].replace(WIDTH, width))

    assert (status, headers["content-type"]) == (400, "application/problem+json")
    for text in (b'"field":"w"', b'"rule":"must be one of 320, 640, 960, 1280, 1920"'):
        assert text in content


@pytest.mark.parametrize(
    ("accept", "format"), [("image/avif,image/webp,*/*", "AVIF"), ("image/webp,*/*", "WEBP"), ("*/*", "JPEG")]
)
@pytest.mark.parametrize("width", [320, 1920])
def test_every_format_is_derived_once(behind: System, image: Any, accept: str, format: str, width: int) -> None:
    url = image["sized_url"].replace(WIDTH, str(width))
    status, headers, content = fetch(url, accept)
    with Image.open(BytesIO(content)) as file:
        assert (status, file.format, file.width) == (200, format, min(width, image["width"]))
        assert headers["content-type"] == f"image/{format.lower()}"
    key = urlsplit(url).path.replace("/images/", "derived/") + f"/{width}.{format.lower()}"
    found = behind.client("s3").get_object(Bucket=behind.outputs["GalleryBucketName"], Key=key)
    assert found["Body"].read() == content
    assert fetch(url, accept)[1]["x-cache"] == "Hit from cloudfront"


def test_a_sized_url_opens_no_other_image_and_no_file(behind: System, image: Any) -> None:
    other = behind.generate("A windmill")["images"][0]
    theirs = urlsplit(behind.call("GET", f"/v1/images/{other['id']}").json["sized_url"]).path
    url = image["sized_url"].replace(WIDTH, "640")
    ours = urlsplit(url).path
    original = urlsplit(image["original"]["url"]).path

    assert fetch(url)[0] == 200
    for path in (theirs, original, ours.replace("/images/", "/derived/") + "/640.jpeg"):
        assert fetch(url.replace(ours, path, 1))[0] == 403
        assert fetch(url.replace(ours, path, 1).replace("w=640&", ""))[0] == 403


def test_a_deletion_removes_copies_at_the_cdn_and_in_the_bucket(behind: System) -> None:
    found = behind.generate("A ship in a bottle")["images"][0]
    url = behind.call("GET", f"/v1/images/{found['id']}").json["sized_url"].replace(WIDTH, "640")
    assert [fetch(url)[1]["x-cache"] for _ in range(2)] == ["Miss from cloudfront", "Hit from cloudfront"]
    assert behind.call("DELETE", f"/v1/images/{found['id']}").status == 204

    behind.wait_until(lambda: fetch(url)[0] == 404, what="the cached copy to be invalidated")
    request_id = found["id"].rpartition("-")[0]
    for prefix in ("images", "derived"):
        listed = behind.client("s3").list_object_versions(
            Bucket=behind.outputs["GalleryBucketName"], Prefix=f"{prefix}/{request_id}/"
        )
        assert not listed.get("Versions")


def test_if_no_file_can_be_derived_the_app_shows_the_stored_ones(behind: System, visit: Open) -> None:
    prompt = "A bridge in the mist"
    found = behind.generate(prompt)["images"][0]
    key = urlsplit(found["url"]).path.removeprefix("/")
    behind.client("s3").delete_object(Bucket=behind.outputs["GalleryBucketName"], Key=key)
    page = visit()
    shown = in_gallery(page, prompt)
    expect(shown).to_be_visible()
    page.wait_for_function(f"image => image.currentSrc.includes('.webp?') && {LOADED}", arg=shown.element_handle())


def test_images_of_the_cdn_can_be_read_offline(visit: Open, image: Any) -> None:
    page = visit(service_workers="allow")
    turn_on(page, "Offline reading")
    page.get_by_role("link", name="Gallery").first.click()
    reload_as_controlled(page)
    expect(in_gallery(page, PROMPT)).to_be_visible()
    file = urlsplit(image["sized_url"])._replace(query="").geturl() + "?w=320"
    wait_in_page(page, f"async (file) => (await ({STORED})()).files.some(([, url]) => url === file)", file)
    assert not [url for url in stored_images(page) if "Signature" in url]
    page.context.set_offline(True)
    page.reload()
    shown = in_gallery(page, PROMPT)
    expect(shown).to_be_visible()
    page.wait_for_function(f"image => image.currentSrc.includes('?w=320&') && {LOADED}", arg=shown.element_handle())
