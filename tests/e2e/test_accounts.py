"""Access to the deployed API: every protected route without a key, with wrong keys, and with a revoked one."""

import json
import re
from typing import Any

from services.accounts.keys import new_key_id, new_text
from tests.support.system import Response, System

REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
REVOKED_WITHIN_SECONDS = 60


def protected_routes(stack: System) -> list[tuple[str, str]]:
    """Return method and path of every deployed route that needs a key."""
    pages = stack.client("apigatewayv2").get_routes(ApiId=stack.outputs["ApiId"], MaxResults="500")["Items"]
    keys = [route["RouteKey"] for route in pages if route.get("AuthorizationType") == "CUSTOM"]
    return [(method, re.sub(r"\{[^}]+\}", REQUEST, path)) for method, path in (key.split(" ") for key in keys)]


def test_the_gateway_refuses_missing_and_wrong_keys_on_every_route(stack: System) -> None:
    routes = protected_routes(stack)
    mine = stack.stack.api_key
    wrong = [
        {},
        {"x-api-key": "nonsense"},
        {"x-api-key": new_text(new_key_id())},
        {"x-api-key": mine[:-1] + ("a" if mine[-1] != "a" else "b")},
        {"authorization": f"Basic {mine}"},
        {"authorization": "Bearer nonsense"},
    ]
    assert ("POST", "/v1/requests") in routes
    responses = {
        (method, path, json.dumps(headers)): stack.call(method, path, None, headers, key="")
        for method, path in routes
        for headers in wrong
    }
    admitted = {call: response.content for call, response in responses.items() if response.status not in {401, 403}}
    assert admitted == {}
    with_body = [response for (method, *_), response in responses.items() if method != "HEAD"]
    assert {json.dumps(response.json) for response in with_body} <= {
        '{"message": "Unauthorized"}',
        '{"message": "Forbidden"}',
    }, "the gateway itself refuses, without details"


def test_a_key_is_accepted_in_either_header(stack: System) -> None:
    key = stack.stack.api_key
    for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
        assert stack.call("GET", "/v1/preferences", None, headers, key="").status == 200


def test_a_key_with_too_many_calls_gets_a_429_and_others_do_not(stack: System) -> None:
    greedy, other = stack.stack.make_key("calls-a-lot"), stack.stack.make_key("calls-once")

    def refused() -> Response | None:
        response = stack.call("GET", "/v1/models/none", key=greedy)
        assert response.status in {404, 429}
        return response if response.status == 429 else None

    response = stack.wait_until(refused, seconds=120, every=0, what="the limit on calls")
    assert response.json["code"] == "too_many_calls"
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "1"
    assert stack.call("GET", "/v1/models/none", key=other).status == 404


def test_a_key_without_the_scope_gets_a_403_from_the_route(stack: System) -> None:
    for key, path in ((stack.stack.api_key, "/v1/keys"), (stack.stack.admin_key, "/v1/preferences")):
        response = stack.call("GET", path, key=key)
        assert (response.status, response.json["code"]) == (403, "insufficient_scope")
        assert response.headers["content-type"] == "application/problem+json"


def test_a_new_key_works_at_once_and_a_revoked_one_stops_in_a_minute(stack: System) -> None:
    wanted = {"owner": "beta", "name": "e2e", "scopes": ["requests:read", "requests:write"]}
    created = stack.call("POST", "/v1/keys", wanted, key=stack.stack.admin_key)
    assert created.status == 201, created.content
    key, path = created.json["key"], f"/v1/keys/{created.json['key_id']}"
    saved = stack.call("PUT", "/v1/preferences", {"theme": "dark"}, key=key)
    assert (saved.status, saved.headers["etag"]) == (200, '"1"')
    assert stack.call("GET", "/v1/preferences", key=key).json["theme"] == "dark"
    assert stack.call("GET", "/v1/preferences").json["theme"] == "system", "owners have preferences of their own"

    assert stack.call("DELETE", path, key=stack.stack.admin_key).status == 204
    stack.wait_until(
        lambda: stack.call("GET", "/v1/preferences", key=key).status == 403,
        seconds=REVOKED_WITHIN_SECONDS,
        what="the revoked key to stop",
    )
    listed = stack.call("GET", "/v1/keys", key=stack.stack.admin_key).json["keys"]
    (shown,) = [one for one in listed if one["key_id"] == created.json["key_id"]]
    assert (shown["status"], "last_used_at" in shown) == ("revoked", True)


def test_consent_and_changes_of_keys_are_in_an_unbroken_trail(stack: System) -> None:
    made = command(stack, "create", "--owner", "delta")
    shown = stack.call("GET", "/v1/consent", key=made["key"]).json
    versions = {name: shown[f"current_{name}"] for name in ("terms", "privacy_notice")}
    given = stack.call("PUT", "/v1/consent", versions, key=made["key"])
    assert (given.status, given.json["valid"]) == (200, True)
    assert stack.call("GET", "/v1/me", key=made["key"]).json["owner_id"] == made["owner_id"]

    (action,) = [
        one
        for one in json.loads(stack.ops("actions", "--output", "json").stdout)
        if made["owner_id"] == one["operator"]
    ]
    assert (action["verb"], action["outcome"]) == ("give consent", {"given": 1})
    chains = json.loads(stack.ops("trail", "verify", "--output", "json").stdout)
    assert sum(chain["records"] for chain in chains) >= 2
    assert {chain["reason"] for chain in chains} == {None}


def test_the_opt_out_of_an_owner_reaches_the_request(stack: System) -> None:
    first, second = (command(stack, "create", "--owner", "epsilon") for _ in range(2))
    assert stack.call("PUT", "/v1/preferences", {"analytics_opt_out": True}, key=first["key"]).status == 200
    made = stack.call("POST", "/v1/requests", {"prompt": "A red fox"}, key=second["key"])  # not in the cache yet
    assert made.status == 202, made.content
    key = {"pk": {"S": f"REQUEST#{made.json['id']}"}, "sk": {"S": "STATE"}}
    item = stack.client("dynamodb").get_item(TableName=f"{stack.prefix}-requests", Key=key)["Item"]
    assert (item["owner"]["S"], item["analytics_opt_out"]["BOOL"]) == (second["owner_id"], True)


def test_the_command_line_creates_a_key_with_aws_credentials(stack: System) -> None:
    made = command(stack, "create", "--owner", "gamma")
    assert stack.call("GET", "/v1/preferences", key=made["key"]).status == 200
    listed = command(stack, "list")
    assert made["key_id"] in {one["key_id"] for one in listed}


def command(stack: System, *arguments: str) -> Any:
    """Run `keys` of the operators' command line, and return its output."""
    done = stack.ops("keys", *arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
