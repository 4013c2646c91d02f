"""The accounts functions as the gateway calls them, and the command line, on moto."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.__main__ import main
from kit.telemetry import logger
from kit.trail_table import TrailTable
from services.accounts import consent
from services.accounts.consent import Versions, current_versions
from services.accounts.keys import new_key_id, new_text
from tests.support.functions import load_function
from tests.support.http import CALL_ID, http_event

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
        monkeypatch.setenv("HASH_SECRET_ID", secret["ARN"])
        properties = service_template("operations")["Resources"]["Operations"]["Properties"]
        boto3.client("dynamodb").create_table(
            TableName=f"{PREFIX}-operations", **{name: properties[name] for name in names[:3]}
        )
        monkeypatch.setenv("AUDIT_TRAIL_TABLE", f"{PREFIX}-operations")
        monkeypatch.setenv("TRAIL_RETENTION_DAYS", "365")
        monkeypatch.setenv("REQUIRE_CONSENT", "off")
        monkeypatch.setenv("GENAI_IMAGES_PREFIX", PREFIX)
        yield


@pytest.fixture
def authorize(aws: None) -> Any:
    module = load_function("accounts", "authorizer")
    return lambda **headers: module.handler(
        http_event("GET", "/v1/requests", headers={name.replace("_", "-"): text for name, text in headers.items()}),
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


def owner_id(api: Any, name: str) -> str:
    """Return the id of a new owner."""
    return str(api("POST", "/v1/keys", {"owner": name, "name": "x", "scopes": ["requests:read"]})[1]["owner_id"])


def stored() -> str:
    return json.dumps(boto3.client("dynamodb").scan(TableName=f"{PREFIX}-accounts")["Items"])


# The authorizer ------------------------------------------------------------------------------------------------------


def test_the_authorizer_identifies_the_caller(authorize: Any, capsys: pytest.CaptureFixture[str]) -> None:
    made = command(capsys, "create", "--owner", "acme", "--scope", "admin", "--limit", "5", "--window", "60")
    owner = made["owner_id"]
    context = {"owner": owner, "key_id": made["key_id"], "scopes": "admin", "limit": 5, "window": 60}

    assert authorize(x_api_key=made["key"]) == {"isAuthorized": True, "context": context}
    assert authorize(authorization=f"Bearer {made['key']}") == {"isAuthorized": True, "context": context}


def test_the_authorizer_says_if_a_required_consent_is_missing(
    aws: None, api: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = command(capsys, "create", "--owner", "acme")

    def context() -> Any:
        module = load_function("accounts", "authorizer")  # without a cache
        return module.handler({"routeKey": "GET /x", "headers": {"x-api-key": made["key"]}}, None)["context"]

    assert "consent_required" not in context()
    monkeypatch.setenv("REQUIRE_CONSENT", "on")
    assert context()["consent_required"] == f"terms of {current_versions().terms} and the privacy notice of " + (
        current_versions().privacy_notice
    )
    api("PUT", "/v1/consent", vars(current_versions()), scopes=USER, owner=made["owner_id"])
    assert "consent_required" not in context()
    with monkeypatch.context() as updated:
        updated.setattr(consent, "current_versions", lambda: Versions("2999-01-01", "2999-01-01"))
        assert "2999-01-01" in context()["consent_required"], "an outdated consent"
    api("DELETE", "/v1/consent", scopes=USER, owner=made["owner_id"])
    assert "consent_required" in context()


def test_a_consent_takes_effect_at_once(
    aws: None, api: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_CONSENT", "on")
    made = command(capsys, "create", "--owner", "acme")
    authorizer = load_function("accounts", "authorizer")
    call = {"routeKey": "GET /x", "headers": {"x-api-key": made["key"]}}
    assert "consent_required" in authorizer.handler(call, None)["context"]
    api("PUT", "/v1/consent", vars(current_versions()), scopes=USER, owner=made["owner_id"])
    assert "consent_required" not in authorizer.handler(call, None)["context"], "the record was cached"


def test_the_authorizer_says_if_the_owner_has_opted_out_of_analytics(
    api: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = command(capsys, "create", "--owner", "acme")
    for opted_out in (True, False):
        wanted = {"analytics_opt_out": opted_out}
        assert api("PUT", "/v1/preferences", wanted, scopes=USER, owner=made["owner_id"])[0] == 200
        module = load_function("accounts", "authorizer")  # without a cache
        found = module.handler({"routeKey": "GET /x", "headers": {"x-api-key": made["key"]}}, None)["context"]
        assert found.get("analytics_opt_out", False) is opted_out


@pytest.fixture
def behind_edge(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that calls the authorizer of an installation behind the edge."""
    secret = boto3.client("secretsmanager").create_secret(Name=f"{PREFIX}-accounts-edge-key", SecretString="E" * 64)
    monkeypatch.setenv("EDGE_KEY_ARN", secret["ARN"])
    module = load_function("accounts", "authorizer")

    def call(route: str, edge_key: str, api_key: str = "") -> Any:
        method, _, path = route.partition(" ")
        headers = {"x-cdn-key": edge_key, "x-cdn-viewer": "192.0.2.1", "x-api-key": api_key}
        event = http_event(method, path, headers=headers)
        event["requestContext"]["http"]["sourceIp"] = "203.0.113.9"
        return module.handler(event, None)

    return call


def test_behind_the_edge_a_caller_has_the_address_that_the_edge_saw(
    behind_edge: Any, api: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    key = command(capsys, "create", "--owner", "acme", "--name", "ci")["key"]

    admitted = behind_edge("GET /v1/me", "E" * 64, key)
    assert (admitted["context"]["key_id"], admitted["context"]["address"]) == (key.split("_")[1], "192.0.2.1")
    assert behind_edge("GET /v1/me", "E" * 64, "wrong") == {"isAuthorized": False, "context": {"address": "192.0.2.1"}}
    assert behind_edge("HEAD /health", "E" * 64) == {"isAuthorized": True, "context": {"address": "192.0.2.1"}}


def test_a_call_past_the_edge_is_marked_before_its_key_is_looked_at(
    behind_edge: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    key = command(capsys, "create", "--owner", "acme", "--name", "ci")["key"]

    for route, text in (("GET /v1/me", key), ("GET /v1/me", "wrong"), ("GET /health", "")):
        context = {"bypasses_edge": True, "address": "203.0.113.9"}
        assert behind_edge(route, "F" * 64, text) == {"isAuthorized": True, "context": context}
    logged = log.getvalue()
    assert (logged.count("edge bypassed"), "key used" in logged) == (3, False)
    assert "F" * 64 not in logged
    assert "203.0.113.9" not in logged, "the access log has it"


def test_a_key_with_too_many_calls_is_admitted_with_the_seconds_to_wait(
    authorize: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = command(capsys, "create", "--owner", "acme")
    answers = [authorize(x_api_key=made["key"]) for _ in range(620)]
    assert all(answer["isAuthorized"] for answer in answers), "a refusal would be the gateway's 403"
    limited = [answer["context"] for answer in answers if "retry_after" in answer["context"]]
    assert limited
    assert {(context["retry_after"], context["calls_per_minute"]) for context in limited} == {(1, 600)}
    other = command(capsys, "create", "--owner", "acme")
    assert "retry_after" not in authorize(x_api_key=other["key"])["context"]


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
    assert {line["call_id"] for line in lines} == {CALL_ID}
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
    assert authorize(x_api_key=made["key"])["context"]["owner"] == made["owner_id"] != made["owner"] == "beta"
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
    _, first, headers = api("GET", "/v1/keys", limit="2")
    assert headers["link"] == f'</v1/keys?limit=2&cursor={first["next_cursor"]}>; rel="next"'
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
    status, problem, headers = api("POST", f"{path}/rotate", {})
    assert (status, problem) == (
        409,
        {
            "type": "/problems/key_not_active",
            "status": 409,
            "code": "key_not_active",
            "title": "The API key is not active",
            "detail": "The key is revoked. Create a new one.",
            "call_id": headers["x-call-id"],
        },
    )
    assert api("GET", "/v1/keys")[1]["keys"][0]["status"] == "revoked"


@pytest.mark.parametrize("key_id", ["bdirnr6lfeyp", "nonsense", "x" * 5000], ids=["unknown", "malformed", "too-long"])
def test_an_unknown_key_id_is_not_found(api: Any, key_id: str) -> None:
    for method, path, body in (("DELETE", f"/v1/keys/{key_id}", None), ("POST", f"/v1/keys/{key_id}/rotate", {})):
        status, problem, _ = api(method, path, body)
        assert (status, problem["code"]) == (404, "key_not_found")


def test_a_key_with_any_scope_can_read_whose_it_is(api: Any) -> None:
    owner = owner_id(api, "acme")
    status, me, _ = api("GET", "/v1/me", scopes="images:read admin", owner=owner)

    assert status == 200
    assert me == {
        "owner": "acme",
        "owner_id": owner,
        "key_id": "caller",
        "scopes": ["admin", "images:read"],
        "limit": 100,
        "window_seconds": 900,
        "priority": "normal",
    }


def test_preferences_belong_to_their_owner(api: Any) -> None:
    acme, beta = owner_id(api, "acme"), owner_id(api, "beta")
    wanted = {"defaults": {"model": "titan-image-v2", "size": "512x512", "count": 2}, "theme": "dark"}
    status, _, headers = api("PUT", "/v1/preferences", wanted, scopes=USER, owner=acme)
    assert (status, headers["etag"]) == (200, '"1"')

    status, shown, headers = api("GET", "/v1/preferences", scopes=USER, owner=acme)
    assert (status, headers["etag"]) == (200, '"1"')
    assert shown == {**wanted, "analytics_opt_out": False}
    assert api("GET", "/v1/preferences", scopes=USER, owner=acme, headers={"If_None_Match": '"0"'})[0] == 200
    status, _, again = api("GET", "/v1/preferences", scopes=USER, owner=acme, headers={"If_None_Match": '"1"'})
    assert (status, again["etag"]) == (304, '"1"')
    _, others, headers = api("GET", "/v1/preferences", scopes=USER, owner=beta)
    assert (others, headers["etag"]) == ({"defaults": {}, "theme": "system", "analytics_opt_out": False}, '"0"')


def test_concurrent_changes_of_preferences_do_not_overwrite_each_other(api: Any) -> None:
    acme = owner_id(api, "acme")

    def put(tag: str, theme: str) -> int:
        return int(
            api("PUT", "/v1/preferences", {"theme": theme}, scopes=USER, owner=acme, headers={"If_Match": tag})[0]
        )

    assert put('"0"', "dark") == 200
    assert put('"0"', "light") == 412
    assert put('"1"', "light") == 200
    assert put("*", "dark") == 200
    for nonsense in ("1", 'W/"3"', '"x"', '"' + "9" * 5000 + '"', '"-1"'):
        assert put(nonsense, "light") == 412
    assert api("GET", "/v1/preferences", scopes=USER, owner=acme)[1]["theme"] == "dark"


def test_consent_is_recorded_with_versions_time_and_key(api: Any) -> None:
    acme, current = owner_id(api, "acme"), vars(current_versions())
    status, shown, _ = api("GET", "/v1/consent", scopes="admin", owner=acme)
    now = {f"current_{name}": version for name, version in current.items()}
    assert (status, shown) == (200, {"required": False, "valid": False, **now})

    status, given, _ = api("PUT", "/v1/consent", current, scopes=USER, owner=acme)
    assert (status, given["valid"], given["key_id"]) == (200, True, "caller")
    assert current.items() <= given.items()
    assert datetime.now(UTC) - datetime.fromisoformat(given["given_at"]) < timedelta(minutes=1)
    assert api("GET", "/v1/consent", scopes=USER, owner=acme)[1] == given

    for _ in range(2):
        assert api("DELETE", "/v1/consent", scopes=USER, owner=acme)[0] == 204
    withdrawn = api("GET", "/v1/consent", scopes=USER, owner=acme)[1]
    assert (withdrawn["valid"], "withdrawn_at" in withdrawn) == (False, True)
    found = [(each["verb"], each["outcome"]) for each in trail() if "consent" in each["verb"]]
    assert found[:2] == [("give consent", {"given": 1}), ("withdraw consent", {"withdrawn": 1})]
    assert [each["about"] for each in trail() if each["verb"] == "give consent"] == [{"owner": acme, **current}]


@pytest.mark.parametrize("field", ["terms", "privacy_notice"])
@pytest.mark.parametrize("version", ["2020-01-01", "2999-01-01", "latest", ""])
def test_consent_to_an_unknown_version_is_refused(api: Any, field: str, version: str) -> None:
    acme, wanted = owner_id(api, "acme"), {**vars(current_versions()), field: version}
    status, problem, _ = api("PUT", "/v1/consent", wanted, scopes=USER, owner=acme)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])
    assert not api("GET", "/v1/consent", scopes=USER, owner=acme)[1]["valid"]


def test_without_the_audit_trail_no_consent_is_recorded(api: Any) -> None:
    acme = owner_id(api, "acme")
    boto3.client("dynamodb").delete_table(TableName=f"{PREFIX}-operations")
    assert api("PUT", "/v1/consent", vars(current_versions()), scopes=USER, owner=acme)[0] == 500
    assert not api("GET", "/v1/consent", scopes=USER, owner=acme)[1]["valid"]


def test_an_owner_without_a_record_cannot_store_preferences(api: Any) -> None:
    """As with a key that is still in the authorizer's cache when its owner is erased."""
    status, problem, _ = api("PUT", "/v1/preferences", {"theme": "dark"}, scopes=USER, owner="own_erased")
    assert (status, problem["code"]) == (401, "unauthorized")
    assert api("GET", "/v1/me", owner="own_erased")[1]["owner"] == "own_erased"


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


def test_the_priority_of_a_key_reaches_the_services(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    made = command(capsys, "create", "--owner", "acme", "--priority", "high")
    assert made["priority"] == "high"
    for priority, passed in (("low", "low"), ("normal", None)):
        assert command(capsys, "prioritize", made["key_id"], priority)["priority"] == priority
        module = load_function("accounts", "authorizer")  # without a cache
        found = module.handler({"routeKey": "GET /x", "headers": {"x-api-key": made["key"]}}, None)["context"]
        assert found.get("priority") == passed
        capsys.readouterr()  # the authorizer's log
    assert [each["priority"] for each in command(capsys, "list")] == ["normal"]
    assert trail()[-1]["verb"] == "set key priority"
    assert trail()[-1]["about"] == {"key_id": made["key_id"], "priority": "normal"}
    assert main(["keys", "prioritize", new_key_id(), "low"]) == 1
    assert "has no key" in capsys.readouterr().err


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


def trail() -> list[dict[str, Any]]:
    """Return the actions of the audit trail, oldest first."""
    found = TrailTable(boto3.client("dynamodb"), f"{PREFIX}-operations").latest(20)
    return [action.to_dict() for action in found][::-1]


def test_a_change_of_a_key_over_http_is_in_the_audit_trail(api: Any) -> None:
    wanted = {"owner": "acme", "name": "Web shop", "scopes": ["requests:write", "admin"]}
    _, key, _ = api("POST", "/v1/keys", wanted, owner="ada")
    api("POST", f"/v1/keys/{key['key_id']}/rotate", {}, owner="ada")
    api("DELETE", f"/v1/keys/{key['key_id']}", owner="ada")

    found = trail()
    assert [(each["verb"], each["outcome"]) for each in found] == [
        ("create key", {"created": 1}),
        ("rotate key", {"rotated": 1}),
        ("revoke key", {"revoked": 1}),
    ]
    assert {(each["operator"], each["identity"]) for each in found} == {("ada", "key caller")}
    assert found[0]["about"] == {"key_id": key["key_id"], "owner": key["owner_id"], "scopes": "admin requests:write"}
    assert key["key"] not in json.dumps(found)


def test_a_change_of_a_key_by_command_is_in_the_audit_trail(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    key = command(capsys, "create", "--owner", "acme", "--operator", "ada")
    command(capsys, "rotate", key["key_id"])
    command(capsys, "revoke", key["key_id"])

    identity = "arn:aws:sts::123456789012:user/moto"
    assert [(each["verb"], each["operator"], each["identity"]) for each in trail()] == [
        ("create key", "ada", identity),
        ("rotate key", identity, identity),
        ("revoke key", identity, identity),
    ]


def test_without_the_audit_trail_no_key_is_created(api: Any) -> None:
    boto3.client("dynamodb").delete_table(TableName=f"{PREFIX}-operations")

    status, _, _ = api("POST", "/v1/keys", {"owner": "acme", "name": "Web shop", "scopes": ["requests:write"]})

    assert status == 500
    assert boto3.client("dynamodb").scan(TableName=f"{PREFIX}-accounts")["Items"] == []


@pytest.mark.parametrize(("scopes", "counted"), [(["admin"], True), (["requests:read"], False)])
def test_a_new_admin_key_is_counted(
    api: Any, capsys: pytest.CaptureFixture[str], scopes: list[str], counted: bool
) -> None:
    api("POST", "/v1/keys", {"owner": "acme", "name": "Operator", "scopes": scopes})

    assert ("admin_keys_created" in capsys.readouterr().out) is counted
