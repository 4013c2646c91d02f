"""Every route is declared in code and in a template, has the authorizer, and checks its scope.

Routes come from the templates and from the code of the services; responses come from the handlers. A route that is
missing in one of them fails a test.
"""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from kit.callers import Scope
from kit.http_api import HttpApi, Route
from kit.problems import PROBLEM
from services.accounts.edge import PUBLIC_ROUTES
from tests.support import templates
from tests.support.functions import import_handler, temporary_imports
from tests.support.http import http_event
from tests.support.templates import ROOT, Resource
from tools.docs.openapi import ServedRoute, routes

DEPLOYED = templates.http_routes()
DESCRIBED = routes(ROOT)
GUARDED = [route for route in DESCRIBED if route.route.scope is not None]
PUBLIC = PUBLIC_ROUTES
"""Routes that are public on purpose."""

EVERY_DEPLOYED = pytest.mark.parametrize(
    "route", DEPLOYED, ids=lambda route: f"{route.service} {route.properties['RouteKey']}"
)
EVERY_GUARDED = pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.service} {route.name}")


def deployed_key(route: Resource) -> str:
    """Return a deployed route's key, such as ``HEAD /v1/keys``."""
    return str(route.properties["RouteKey"])


def route_key(route: Resource) -> str:
    """Return the key of the route in the code: a ``HEAD`` is answered like the ``GET``."""
    return deployed_key(route).replace("HEAD ", "GET ")


def operation_of(route: Resource) -> Route:
    """Return the operation that describes a deployed route."""
    (found,) = [
        each.route for each in DESCRIBED if each.service == route.service and each.route.route_key == route_key(route)
    ]
    return found


def function_of(route: Resource) -> Resource:
    """Return the function behind a deployed route."""
    target = route.properties["Target"]["Fn::Sub"]
    integration = templates.named(route.service, {"Ref": target.removeprefix("integrations/${").removesuffix("}")})
    assert integration.type == "AWS::ApiGatewayV2::Integration"
    return templates.named(route.service, integration.properties["IntegrationUri"])


@pytest.fixture
def api_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import the handler behind a route with the environment that its template gives it."""

    def load(function: Resource) -> HttpApi:
        fixed = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
        # A caller who passes the check would call AWS, which does not respond.
        fixed |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
        for name, value in {**templates.environment(function), **fixed}.items():
            monkeypatch.setenv(name, value)
        found = import_handler(function)
        assert isinstance(found, HttpApi)
        return found

    with temporary_imports():
        yield load


def test_deployed_routes_equal_routes_in_code() -> None:
    deployed = sorted((route.service, deployed_key(route)) for route in DEPLOYED)
    described = {(route.service, route.route.route_key) for route in DESCRIBED}
    heads = {(service, key.replace("GET ", "HEAD ")) for service, key in described if key.startswith("GET ")}

    assert deployed == sorted(described | heads)
    assert len({key for _, key in deployed}) == len(deployed), "two services want the same route"


@EVERY_DEPLOYED
def test_a_route_has_the_authorizer_or_is_public_on_purpose(route: Resource) -> None:
    if operation_of(route).scope is None:
        # Behind the edge, the authorizer refuses calls that bypass it. It knows that the route needs no key.
        assert route.properties["AuthorizationType"] == {"Fn::If": ["BehindEdge", "CUSTOM", "NONE"]}
        assert route.properties["AuthorizerId"] == {
            "Fn::If": ["BehindEdge", {"Ref": "AuthorizerId"}, {"Ref": "AWS::NoValue"}]
        }
        assert route_key(route) in PUBLIC
    else:
        assert route.properties["AuthorizationType"] == "CUSTOM"
        own = "Authorizer" if route.service == "accounts" else "AuthorizerId"
        assert route.properties["AuthorizerId"] == {"Ref": own}


def test_every_list_with_a_cursor_links_to_its_next_page() -> None:
    """The handlers' own tests hold the link itself."""
    lists = {
        served.name: served.route.optional_headers
        for served in DESCRIBED
        for model in served.route.responses.values()
        if model is not None and "next_cursor" in model.model_fields
    }

    assert len(lists) >= 4
    assert [name for name, headers in lists.items() if "Link" not in headers.get(200, ())] == []


def test_every_route_that_creates_a_request_needs_consent() -> None:
    routes = [served.route for served in DESCRIBED if served.service == "intake" and served.route.scope != "admin"]
    creating = {route.route_key for route in routes if route.body}
    assert "POST /v1/requests" in creating
    assert {served.route.route_key for served in DESCRIBED if served.route.needs_consent} == creating


def test_every_route_with_a_tag_answers_if_none_match() -> None:
    tagged = [
        served
        for served in DESCRIBED
        if served.route.method == "GET" and "ETag" in served.route.response_headers.get(200, ())
    ]

    assert len(tagged) >= 4
    for served in tagged:
        assert 304 in served.route.responses, served.name
        assert {"If-None-Match"} <= served.route.headers.keys(), served.name


def test_all_services_use_the_same_authorizer() -> None:
    given = {
        name: body["Properties"]["Parameters"].get("AuthorizerId")
        for name, body in templates.root_template()["Resources"].items()
        if body["Type"] == "AWS::Serverless::Application" and "AuthorizerId" in body["Properties"]["Parameters"]
    }
    assert given
    assert all(value == {"Fn::GetAtt": ["Accounts", "Outputs.AuthorizerId"]} for value in given.values())
    (authorizer,) = templates.resources("AWS::ApiGatewayV2::Authorizer")
    assert templates.service_template("accounts")["Outputs"]["AuthorizerId"] == {"Value": {"Ref": authorizer.name}}


def test_the_gateway_calls_the_authorizer_for_every_request() -> None:
    (authorizer,) = templates.resources("AWS::ApiGatewayV2::Authorizer")
    wanted = {
        "AuthorizerType": "REQUEST",
        "AuthorizerPayloadFormatVersion": "2.0",
        "EnableSimpleResponses": True,
        "IdentitySource": [],
        "AuthorizerResultTtlInSeconds": 0,
    }
    assert {name: authorizer.properties[name] for name in wanted} == wanted


@EVERY_DEPLOYED
def test_a_route_is_served_by_the_function_behind_it(route: Resource, api_of: Any) -> None:
    served = {operation.route_key for operation in api_of(function_of(route)).routes}

    assert route_key(route) in served


@EVERY_DEPLOYED
def test_the_gateway_may_call_the_function_behind_a_route(route: Resource) -> None:
    function = function_of(route)
    allowed = [
        permission.properties
        for permission in templates.resources("AWS::Lambda::Permission")
        if permission.service == route.service and function.is_meant_by(permission.properties["FunctionName"])
    ]
    sources = [source for permission in allowed for source in templates.flat(permission["SourceArn"])]
    assert {permission["Principal"] for permission in allowed} == {"apigateway.amazonaws.com"}
    method, path = deployed_key(route).split(" ")
    assert any(source.endswith(("${HttpApiId}/*", f"${{HttpApiId}}/*/{method}{path}")) for source in sources)


@EVERY_GUARDED
def test_a_protected_route_rejects_callers_without_its_scope(route: ServedRoute, api_of: Any) -> None:
    (deployed,) = [
        each for each in DEPLOYED if each.service == route.service and deployed_key(each) == route.route.route_key
    ]
    api = api_of(function_of(deployed))
    others = " ".join(scope for scope in get_args(Scope) if scope != route.route.scope)

    without_key: list[Any] = [None, {}, {"owner": "", "scopes": " ".join(get_args(Scope))}]
    without_scope = [{"owner": "mallory", "scopes": ""}, {"owner": "mallory", "scopes": others}]
    refused = [(caller, 401, "unauthorized") for caller in without_key]
    if route.route.scope != "any":
        refused += [(caller, 403, "insufficient_scope") for caller in without_scope]
    for caller, status, code in refused:
        path = route.route.path.replace("{", "").replace("}", "")
        event = http_event(route.route.method, path, route=route.route.path, body={}, caller=caller)
        answer = api(event, None)
        assert answer["statusCode"] == status
        if route.route.error_body is None:
            assert answer["headers"]["Content-Type"] == PROBLEM
            assert json.loads(answer["body"])["code"] == code
