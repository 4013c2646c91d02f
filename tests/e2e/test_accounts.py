"""Who may call the deployed API: every guarded route, with no key, with a wrong one, and with one that ends."""

import json
import re
import subprocess
import sys
from typing import Any

from local.emulator import REGION
from services.accounts.keys import new_key_id, new_text
from tests.support.system import System

REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
REVOKED_WITHIN_SECONDS = 60


def guarded_routes(stack: System) -> list[tuple[str, str]]:
    """Return method and a path of every deployed route that wants a key."""
    pages = stack.client("apigatewayv2").get_routes(ApiId=stack.outputs["ApiId"], MaxResults="500")["Items"]
    keys = [route["RouteKey"] for route in pages if route.get("AuthorizationType") == "CUSTOM"]
    return [(method, re.sub(r"\{[^}]+\}", REQUEST, path)) for method, path in (key.split(" ") for key in keys)]


def test_the_gateway_refuses_every_guarded_route_without_a_key_and_with_a_wrong_one(stack: System) -> None:
    routes = guarded_routes(stack)
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
    answers = {
        (method, path, json.dumps(headers)): stack.call(method, path, None, headers, key="")
        for method, path in routes
        for headers in wrong
    }
    let_in = {call: answer.content for call, answer in answers.items() if answer.status not in {401, 403}}
    assert let_in == {}
    assert {json.dumps(answer.json) for answer in answers.values()} <= {
        '{"message": "Unauthorized"}',
        '{"message": "Forbidden"}',
    }, "the gateway itself refuses, and says no more than that"


def test_a_key_is_taken_in_either_header(stack: System) -> None:
    key = stack.stack.api_key
    for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
        assert stack.call("GET", "/v1/preferences", None, headers, key="").status == 200


def test_a_key_without_the_scope_is_told_so_by_the_route(stack: System) -> None:
    for key, path in ((stack.stack.api_key, "/v1/keys"), (stack.stack.admin_key, "/v1/preferences")):
        answer = stack.call("GET", path, key=key)
        assert (answer.status, answer.json["code"]) == (403, "insufficient_scope")
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_admins_new_key_works_at_once_and_stops_within_a_minute_of_its_revocation(stack: System) -> None:
    wanted = {"owner": "beta", "name": "e2e", "scopes": ["requests:read", "requests:write"]}
    made = stack.call("POST", "/v1/keys", wanted, key=stack.stack.admin_key)
    assert made.status == 201, made.content
    key, path = made.json["key"], f"/v1/keys/{made.json['key_id']}"
    saved = stack.call("PUT", "/v1/preferences", {"theme": "dark"}, key=key)
    assert (saved.status, saved.headers["etag"]) == (200, '"1"')
    assert stack.call("GET", "/v1/preferences", key=key).json["theme"] == "dark"
    assert stack.call("GET", "/v1/preferences").json["theme"] == "system", "another owner's are another's"

    assert stack.call("DELETE", path, key=stack.stack.admin_key).status == 204
    stack.wait_until(
        lambda: stack.call("GET", "/v1/preferences", key=key).status == 403,
        seconds=REVOKED_WITHIN_SECONDS,
        what="the revoked key to stop",
    )
    listed = stack.call("GET", "/v1/keys", key=stack.stack.admin_key).json["keys"]
    (shown,) = [one for one in listed if one["key_id"] == made.json["key_id"]]
    assert (shown["status"], "last_used_at" in shown) == ("revoked", True)


def test_the_command_line_makes_a_key_with_aws_credentials(stack: System) -> None:
    made = command(stack, "create", "--owner", "gamma")
    assert stack.call("GET", "/v1/preferences", key=made["key"]).status == 200
    listed = command(stack, "list")
    assert made["key_id"] in {one["key_id"] for one in listed}


def command(stack: System, *arguments: str) -> Any:
    """Run `python -m services.accounts` against the emulator."""
    done = subprocess.run(
        [sys.executable, "-m", "services.accounts", *arguments, "--prefix", stack.prefix, "--json"],
        env={
            "AWS_ENDPOINT_URL": stack.stack.emulator.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
