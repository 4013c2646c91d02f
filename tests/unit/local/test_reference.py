"""The API reference in a browser: two files on loopback with the URL of the API."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator import HOST
from local.reference import PAGE, Reference

API = "http://127.0.0.1:4580/_aws/execute-api/abc"


@pytest.fixture
def reference() -> Iterator[Reference]:
    with Reference(API) as running:
        yield running


def fetch(url: str) -> tuple[str, Any, bytes]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.headers.get_content_type(), answer.headers, answer.read()


def test_the_page_may_connect_only_to_the_local_api(reference: Reference) -> None:
    media_type, headers, content = fetch(reference.url)

    assert (media_type, content) == ("text/html", PAGE.read_bytes())
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert re.findall(r"https?://\S+", policy) == ["http://127.0.0.1:4580"]


def test_the_page_loads_nothing_else() -> None:
    page = PAGE.read_text()

    assert not re.search(r"https?://|//cdn|@import|src=", page)
    assert "innerHTML" not in page, "what the description says goes in as text"


def test_the_document_has_the_url_of_the_running_api(reference: Reference) -> None:
    media_type, _, content = fetch(reference.url + "openapi.json")

    found = json.loads(content)
    assert media_type == "application/json"
    assert [server["url"] for server in found["servers"]] == [API]
    assert found["paths"]["/v1/requests"]["post"]["operationId"] == "create_request"


@pytest.mark.parametrize("path", ["api.md", "../README.md", "%2e%2e/README.md", "openapi.json/"])
def test_nothing_else_is_served(reference: Reference, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(reference.url + path)
    assert caught.value.code == 404


def test_the_page_is_served_on_loopback_while_it_is_open() -> None:
    with Reference(API) as running:
        assert running.url.startswith(f"http://{HOST}:")
    with pytest.raises(urllib.error.URLError):
        fetch(running.url)
