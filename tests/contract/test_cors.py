"""Web pages may send every request header that the API reads, and read every response header that it sends."""

from typing import Any

from kit.http_api import CALL_ID_HEADER
from tests.support import templates
from tests.support.templates import ROOT
from tools.docs.openapi import routes
from tools.docs.openapi_parameters import RESPONSE_HEADERS

ROUTES = [served.route for served in routes(ROOT)]


def cors() -> dict[str, Any]:
    """Return the CORS configuration of the HTTP API."""
    found: dict[str, Any] = templates.root_template()["Resources"]["HttpApi"]["Properties"]["CorsConfiguration"]
    return found


def test_a_web_page_may_use_every_method() -> None:
    assert {route.method for route in ROUTES} | {"HEAD"} <= set(cors()["AllowMethods"])


def test_a_web_page_may_send_every_request_header() -> None:
    read = {name.lower() for route in ROUTES for name in route.headers}

    assert read | {"authorization", "content-type", "x-api-key"} <= set(cors()["AllowHeaders"])


def test_a_web_page_may_read_every_response_header() -> None:
    sent = {name.lower() for name in RESPONSE_HEADERS}

    assert sent | {CALL_ID_HEADER, "apigw-requestid", "accept", "deprecation", "sunset"} <= set(cors()["ExposeHeaders"])


def test_no_route_catches_the_preflight_of_a_browser() -> None:
    """The gateway answers ``OPTIONS`` only if no route matches it, and ``ANY`` and ``$default`` would match it."""
    methods = {str(route.properties["RouteKey"]).split(" ")[0] for route in templates.http_routes()}

    assert methods == {"GET", "HEAD", "POST", "PUT", "DELETE"}
