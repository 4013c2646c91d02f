"""HTTP as the gateway and the functions speak it together: problem types, entity tags, links, HEAD and media types."""

import re

import pytest

from kit.problems import PROBLEM
from tests.support.system import System

FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_the_type_of_a_problem_is_the_address_of_its_page(stack: System) -> None:
    problem = stack.call("POST", "/v1/requests", {"prompt": ""})
    assert (problem.status, problem.headers["content-type"]) == (422, PROBLEM)
    page = stack.call("GET", problem.json["type"], key="")

    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = page.content.decode()
    assert f"<h1>{problem.json['title']}</h1>" in text
    assert problem.json["code"] in text
    unknown = stack.call("GET", "/problems/no_such_code", key="")
    assert (unknown.status, unknown.json["code"]) == (404, "not_found")


def test_a_poll_that_finds_no_change_gets_no_body(stack: System) -> None:
    view = stack.generate("A lighthouse at dusk")
    first = stack.call("GET", view["links"]["self"])
    again = stack.call("GET", view["links"]["self"], headers={"if-none-match": first.headers["etag"]})
    other = stack.call("GET", view["links"]["self"], headers={"if-none-match": 'W/"0-0"'})

    assert (again.status, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (other.status, other.json["status"]) == (200, "succeeded")


def test_a_list_is_read_along_its_links(stack: System) -> None:
    key = stack.stack.make_key("linked")
    sent = [
        stack.call("POST", "/v1/requests", {"prompt": "A lighthouse at dusk"}, key=key).json["id"] for _ in range(3)
    ]
    found, path = [], "/v1/requests?limit=1"
    while path:
        page = stack.call("GET", path, key=key)
        assert page.status == 200, page.content
        found += [each["id"] for each in page.json["requests"]]
        link = re.fullmatch(r'<(.+)>; rel="next"', page.headers.get("link", ""))
        assert (link is not None) == ("next_cursor" in page.json)
        path = link[1] if link else ""

    assert found == sorted(sent, reverse=True)


@pytest.mark.parametrize("path", ["/health", "/v1/me", "/v1/models", "/problems/not_found", "/v1/images/unknown"])
def test_head_is_answered_like_get_without_a_body(stack: System, path: str) -> None:
    get, head = stack.call("GET", path), stack.call("HEAD", path)

    assert (head.status, head.content) == (get.status, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["x-call-id"] != get.headers["x-call-id"]


def test_head_needs_a_key_where_get_does(stack: System) -> None:
    assert stack.call("HEAD", "/v1/me", key="").status in {401, 403}


def test_a_body_sent_as_a_form_is_a_415_except_on_routes_of_other_apis(stack: System) -> None:
    body = b'{"prompt": ""}'
    refused = stack.call("POST", "/v1/requests", body, FORM)
    assert (refused.status, refused.json["code"]) == (415, "unsupported_media_type")
    assert refused.headers["accept"] == "application/json"

    assert stack.call("POST", "/api/images/generate", body, FORM).status == 422, "the body was read"


def test_a_caller_that_accepts_no_json_gets_a_406(stack: System) -> None:
    assert stack.call("GET", "/v1/me", headers={"accept": "text/html"}).json["code"] == "not_acceptable"
    assert stack.call("GET", "/v1/me", headers={"accept": "text/html, */*;q=0.8"}).status == 200


def test_a_browser_may_send_and_read_the_headers_of_the_api(stack: System) -> None:
    origin = {"origin": "https://app.example"}
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "if-none-match, x-api-key"}
    preflight = stack.call("OPTIONS", "/v1/models", headers={**origin, **asked}, key="")
    assert preflight.status in {200, 204}
    allowed = {name.strip() for name in preflight.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "idempotency-key", "if-none-match", "prefer", "x-api-key"} <= allowed

    response = stack.call("GET", "/v1/models", headers=origin)
    exposed = {name.strip() for name in response.headers["access-control-expose-headers"].split(",")}
    assert {"etag", "link", "preference-applied", "retry-after", "location"} <= exposed
