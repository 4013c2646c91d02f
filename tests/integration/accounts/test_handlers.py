"""The accounts functions as the gateway calls them, and the command line, on moto."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.__main__ import main
from kit.telemetry import logger
from services.accounts.keys import new_key_id, new_text
from tests.support.functions import load_function
from tests.support.http import http_event

PREFIX = "genai-images-test"
ADMIN = "admin"
USER = "requests:read requests:write"


@pytest.fixture
def aws(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        properties = service_template("accounts")["Resources"]["Accounts"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        boto3.client("dynamodb").create_table(
            TableName=f"{PREFIX}-accounts", **{name: properties[name] for name in names}
        )
        secret = boto3.client("secretsmanager").create_secret(
            Name=f"{PREFIX}-accounts-key-hashing", SecretString="pepper"
        )
        monkeypatch.setenv("TABLE_NAME", f"{PREFIX}-accounts")
        monkeypatch.setenv("HASH_SECRET_ARN", secret["ARN"])
        monkeypatch.setenv("GENAI_IMAGES_PREFIX", PREFIX)
        yield


@pytest.fixture
def authorize(aws: None) -> Any:
    module = load_function("accounts", "authorizer")
    return lambda **headers: module.handler(
        {"routeKey": "GET /v1/requests", "headers": {name.replace("_", "-"): text for name, text in headers.items()}},
        None,
    )


@pytest.fixture
def api(aws: None) -> Any:
    handler = load_function("accounts", "api").handler

    def call(method: str, path: str, body: Any = None, *, scopes: str = ADMIN, owner: str = "acme", **more: Any) -> Any:
        headers = {name.replace("_", "-"): value for name, value in more.pop("headers", {}).items()}
        caller = {"owner": owner, "key_id": "caller", "scopes": scopes}
        response = handler(http_event(method, path, body=body, query=more, headers=headers, caller=caller), None)
        returned = {name.lower(): value for name, value in response["headers"].items()}
        return response["statusCode"], json.loads(response["body"] or "null"), returned

    return call


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a command with --output json and return what it printed."""
    assert main(["keys", *arguments, "--output", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def stored() -> str:
    return json.dumps(boto3.client("dynamodb").scan(TableName=f"{PREFIX}-accounts")["Items"])


# The authorizer ------------------------------------------------------------------------------------------------------


def test_the_authorizer_identifies_the_caller(authorize: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = command(capsys, "create", "--owner", "acme", "--scope", "admin", "--limit", "5", "--window", "60")
    context = {"owner": "acme", "key_id": made["key_id"], "scopes": "admin", "limit": 5, "window": 60}

    assert authorize(x_api_key=made["key"]) == {"isAuthorized": True, "context": context}
    assert authorize(authorization=f"Bearer {made['key']}") == {"isAuthorized": True, "context": context}


def test_every_invalid_key_gets_the_same_response(authorize: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = command(capsys, "create", "--owner", "acme")
    command(capsys, "revoke", made["key_id"])
    answers = [
        authorize(),
        authorize(x_api_key="nonsense"),
        authorize(x_api_key=new_text(new_key_id())),
        authorize(x_api_key=new_text(made["key_id"])),
        authorize(x_api_key=made["key"]),
        authorize(authorization=f"Basic {made['key']}"),
    ]
    assert answers == [{"isAuthorized": False}] * 6


def test_logs_contain_the_id_of_the_key_but_never_the_key(
    authorize: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    made = command(capsys, "create", "--owner", "acme")
    wrong = new_text(made["key_id"])
    authorize(x_api_key=made["key"])
    authorize(x_api_key=wrong)
    authorize(x_api_key="hunter2")

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    logged = [(line["message"], line.get("key_id"), line.get("reason"), line["route"]) for line in lines]
    assert logged == [
        ("key used", made["key_id"], None, "GET /v1/requests"),
        ("key refused", made["key_id"], "wrong_secret", "GET /v1/requests"),
        ("key refused", None, "malformed", "GET /v1/requests"),
    ]
    assert not any(secret in log.getvalue() for secret in (made["key"], wrong, "hunter2"))
    assert command(capsys, "list")[0]["last_used_at"]


def test_a_caller_is_admitted_if_the_use_cannot_be_recorded(
    aws: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = command(capsys, "create", "--owner", "acme")
    module = load_function("accounts", "authorizer")
    table = boto3.client("dynamodb")
    find = module.gate._keys.find

    def find_and_lose_the_table(key_id: str) -> Any:
        found = find(key_id)
        table.delete_table(TableName=f"{PREFIX}-accounts")
        return found

    monkeypatch.setattr(module.gate._keys, "find", find_and_lose_the_table)
    assert module.handler({"routeKey": "GET /x", "headers": {"x-api-key": made["key"]}}, None)["isAuthorized"]


# HTTP ----------------------------------------------------------------------------------------------------------------


def test_an_admin_creates_a_key_whose_text_is_returned_once(api: Any, authorize: Any) -> None:
    wanted = {"owner": "beta", "name": "CI", "scopes": ["requests:write"], "limit": 7, "expires_in_days": 1}
    status, made, headers = api("POST", "/v1/keys", wanted)

    assert status == 201
    assert headers["cache-control"] == "no-store"
    assert made["key"].startswith(made["prefix"] + "_")
    assert authorize(x_api_key=made["key"])["context"]["owner"] == "beta"
    _, listed, _ = api("GET", "/v1/keys")
    (shown,) = listed["keys"]
    assert "key" not in shown
    assert {**shown, "key": made["key"]} == {**made, "last_used_at": shown["last_used_at"]}
    assert made["key"] not in stored()
    assert made["key"].rpartition("_")[2] not in stored()


def test_keys_are_listed_in_pages_newest_first(api: Any) -> None:
    made = [
        api("POST", "/v1/keys", {"owner": "acme", "name": f"{n}", "scopes": ["admin"]})[1]["key_id"] for n in range(3)
    ]
    _, first, _ = api("GET", "/v1/keys", limit="2")
    _, second, _ = api("GET", "/v1/keys", limit="2", cursor=first["next_cursor"])

    assert [key["key_id"] for key in first["keys"] + second["keys"]] == made[::-1]
    assert "next_cursor" not in second
    for query in ({"cursor": "nonsense"}, {"limit": "0"}, {"who": "acme"}):
        status, problem, _ = api("GET", "/v1/keys", **query)
        assert (status, [error["field"] for error in problem["errors"]]) == (422, list(query))


def test_a_key_is_rotated_and_revoked_over_http(api: Any, authorize: Any) -> None:
    _, made, _ = api("POST", "/v1/keys", {"owner": "acme", "name": "x", "scopes": ["admin"]})
    path = f"/v1/keys/{made['key_id']}"
    status, rotated, _ = api("POST", f"{path}/rotate", {"grace_seconds": 60})
    assert status == 200
    assert rotated["previous_until"]
    assert authorize(x_api_key=made["key"])["isAuthorized"]
    assert authorize(x_api_key=rotated["key"])["isAuthorized"]

    assert api("DELETE", path)[0] == api("DELETE", path)[0] == 204
    assert api("POST", f"{path}/rotate", {})[:2] == (
        409,
        {"type": "about:blank", "status": 409, "code": "key_not_active", "title": "The key is revoked."},
    )
    assert api("GET", "/v1/keys")[1]["keys"][0]["status"] == "revoked"


@pytest.mark.parametrize("key_id", ["bdirnr6lfeyp", "nonsense", "x" * 5000], ids=["unknown", "malformed", "too-long"])
def test_an_unknown_key_id_is_not_found(api: Any, key_id: str) -> None:
    for method, path, body in (("DELETE", f"/v1/keys/{key_id}", None), ("POST", f"/v1/keys/{key_id}/rotate", {})):
        status, problem, _ = api(method, path, body)
        assert (status, problem["code"]) == (404, "key_not_found")


def test_a_key_with_any_scope_can_read_whose_it_is(api: Any) -> None:
    status, me, _ = api("GET", "/v1/me", scopes="images:read admin")

    assert status == 200
    assert me == {
        "owner": "acme",
        "key_id": "caller",
        "scopes": ["admin", "images:read"],
        "limit": 100,
        "window_seconds": 900,
    }


def test_preferences_belong_to_their_owner(api: Any) -> None:
    wanted = {"defaults": {"model": "titan-image-v2", "size": "512x512", "count": 2}, "theme": "dark"}
    status, _, headers = api("PUT", "/v1/preferences", wanted, scopes=USER)
    assert (status, headers["etag"]) == (200, '"1"')

    status, shown, headers = api("GET", "/v1/preferences", scopes=USER)
    assert (status, headers["etag"]) == (200, '"1"')
    assert shown == {**wanted, "analytics_opt_out": False}
    _, others, headers = api("GET", "/v1/preferences", scopes=USER, owner="beta")
    assert (others, headers["etag"]) == ({"defaults": {}, "theme": "system", "analytics_opt_out": False}, '"0"')


def test_concurrent_changes_of_preferences_do_not_overwrite_each_other(api: Any) -> None:
    def put(tag: str, theme: str) -> int:
        return int(api("PUT", "/v1/preferences", {"theme": theme}, scopes=USER, headers={"If_Match": tag})[0])

    assert put('"0"', "dark") == 200
    assert put('"0"', "light") == 412
    assert put('"1"', "light") == 200
    assert put("*", "dark") == 200
    for nonsense in ("1", 'W/"3"', '"x"', '"' + "9" * 5000 + '"', '"-1"'):
        assert put(nonsense, "light") == 412
    assert api("GET", "/v1/preferences", scopes=USER)[1]["theme"] == "dark"


# The command line ----------------------------------------------------------------------------------------------------


def test_the_first_key_comes_from_the_command_line(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--owner", "root", "--name", "[red]first[/]", "--scope", "admin"]) == 0
    printed = capsys.readouterr().out
    key = next(line for line in printed.splitlines() if line.startswith("gik_"))
    assert "[red]first[/]" in printed

    assert load_function("accounts", "authorizer").handler({"routeKey": "x", "headers": {"x-api-key": key}}, None)[
        "isAuthorized"
    ]
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    assert key not in capsys.readouterr().out


def test_a_key_is_rotated_and_revoked_from_the_command_line(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    made = command(capsys, "create", "--owner", "acme")
    assert "admin" not in made["scopes"]
    rotated = command(capsys, "rotate", made["key_id"], "--grace", "60")
    assert rotated["key"] != made["key"]
    assert command(capsys, "revoke", made["key_id"])["status"] == "revoked"
    assert main(["keys", "rotate", made["key_id"]]) == 1
    assert "revoked" in capsys.readouterr().err


def test_an_impossible_command_prints_one_sentence(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    unknown = new_key_id()
    for arguments, code, said in (
        (["revoke", unknown], 1, unknown),
        (["create", "--owner", "a b"], 2, "owner"),
        (["list", "--prefix", "elsewhere"], 1, "ResourceNotFound"),
    ):
        assert main(["keys", *arguments]) == code
        printed = capsys.readouterr()
        assert printed.out == ""
        assert said in printed.err
