"""The reference: a page of its own beside the app, which shows the documents of the deployed version."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from cli.web_publishing import OPENAPI
from events.catalog import CATALOG
from local.emulator import HOST
from tests.browser.conftest import DESKTOP, PHONE, TIMEOUT_MS
from tests.browser.test_accessible import AXE
from tests.support.system import System

DOCUMENTS = [
    f"/reference/{name}" for name in ("guide", "subscribe", "deprecation", "terms", "privacy-notice", "changelog")
]
PAGES = ["/reference/", "/reference/events", *DOCUMENTS]
Open = Callable[..., Page]


@pytest.fixture
def open_reference(new_context: Callable[..., BrowserContext]) -> Iterator[Open]:
    """Return a function that opens a page of the reference in a new profile.

    Fail the test for any error in the console, such as a violation of the content security policy, and for any request
    that leaves this machine.
    """
    problems: list[str] = []

    def check(request: Request) -> None:
        host = urlsplit(request.url).hostname or ""
        if urlsplit(request.url).scheme in {"http", "https"} and host != HOST and not host.endswith(".localhost"):
            problems.append(f"request to {request.url}")

    def open_path(path: str, **options: object) -> Page:
        context = new_context(**({"viewport": DESKTOP} | options))
        context.set_default_timeout(TIMEOUT_MS)
        context.on("request", check)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type != "info" else None)
        page.goto(path)
        expect(page.get_by_role("main")).to_be_visible()
        return page

    yield open_path
    assert problems == []


def operations() -> set[str]:
    """Return the summaries of all operations."""
    paths = json.loads(OPENAPI.read_text())["paths"]
    return {each["summary"] for methods in paths.values() for each in methods.values() if "summary" in each}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(open_reference: Open, path: str, scheme: str) -> None:
    page = open_reference(path, color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations)")
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]

    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in serious] == []


def test_every_operation_is_listed(open_reference: Open) -> None:
    page = open_reference("/reference/")
    closed = page.get_by_role("button", name=re.compile("^Open Group"))
    expect(closed.first).to_be_visible()
    while closed.count():
        closed.first.click()
    listed = page.get_by_role("complementary").get_by_role("link").all_inner_texts()

    assert len(operations()) > 20
    assert operations() - {text.split("\n")[0] for text in listed} == set()


def test_every_event_is_described(open_reference: Open) -> None:
    page = open_reference("/reference/events")

    for name, _ in CATALOG:
        expect(page.get_by_text(re.compile(rf"\b{name}\b")).first).to_be_attached()


def test_a_call_is_sent_with_the_callers_key(open_reference: Open, stack: System) -> None:
    key = stack.stack.api_key
    page = open_reference("/reference/")
    page.get_by_role("textbox", name="Value", exact=True).first.fill(key)
    page.goto(page.url.split("#")[0] + "#tag/intake/GET/v1/models")
    page.get_by_role("button", name="(get /v1/models)").click()
    with page.expect_response(f"{stack.stack.api_url}/v1/models") as answer:
        page.get_by_role("button", name="Send").first.click()

    assert answer.value.status == 200
    expect(page.get_by_role("dialog").get_by_text("200 OK")).to_be_visible()
    assert stored(page) == []


def stored(page: Page) -> list[str]:
    """Return the databases of the page, and whatever else it stores that contains a key."""
    entries = page.evaluate("[...Object.entries(localStorage), ...Object.entries(sessionStorage)].map(String)")
    databases: list[str] = page.evaluate("indexedDB.databases().then((all) => all.map(({ name }) => name))")
    return [*databases, *(each for each in [*entries, *map(str, page.context.cookies()), page.url] if "gik_" in each)]


@pytest.mark.parametrize("path", PAGES)
def test_the_reference_fits_a_phone(open_reference: Open, path: str) -> None:
    page = open_reference(path, viewport=PHONE, has_touch=True, is_mobile=True)
    page.wait_for_load_state("networkidle")

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_to_published_pages(open_reference: Open, path: str) -> None:
    page = open_reference(path)
    page.wait_for_load_state("networkidle")
    targets = page.locator("a[href]").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    local = {target for target in targets if not re.match("https?:|#|blob:|/reference/#", target)}

    assert local <= {"/", "/reference/openapi.json", "/reference/asyncapi.json", *PAGES}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_within_a_document_lead_to_its_headings(open_reference: Open, path: str) -> None:
    page = open_reference(path)
    missing = page.locator("main a[href^='#']").evaluate_all(
        "links => links.map(({ hash }) => hash.slice(1)).filter((id) => !document.getElementById(id))"
    )

    assert missing == []


def test_an_address_opens_a_heading(open_reference: Open) -> None:
    page = open_reference("/reference/subscribe#imagestored")

    expect(page.get_by_role("heading", name="ImageStored", exact=True)).to_be_in_viewport()


def test_the_app_links_to_the_reference_and_stores_nothing_of_it(open_app: Open) -> None:
    page = open_app("/")
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()  # now the service worker answers
    urls = page.evaluate(
        """async () => {
            const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
            const requests = await Promise.all(caches_.map((cache) => cache.keys()));
            return requests.flat().map(({ url }) => new URL(url).pathname);
        }"""
    )
    assert "/index.html" in urls
    assert [url for url in urls if url.startswith("/reference/")] == []

    page.get_by_role("link", name="API reference").first.click()
    expect(page.get_by_role("heading", level=1, name="GenAI Image Generator")).to_be_visible()
    expect(page).to_have_url(re.compile("/reference/"))
