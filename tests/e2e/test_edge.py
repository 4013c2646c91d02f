"""The API behind CloudFront: calls that bypass it are refused, and nothing of a call is lost on the way.

The emulator's CloudFront calls the API, as the template says, with the key from Secrets Manager. It has no WAF.
"""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from kit.keyring import Keyring
from local.stack import LocalStack
from services.accounts.edge import KEY_HEADER, PUBLIC_ROUTES, VIEWER_HEADER
from tests.support.system import Response, System

FORGED = "198.51.100.7"


class EdgeSystem(System):
    """A system whose calls go through CloudFront, by the name of its distribution, or past it."""

    def edge(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, *, key: str = ""
    ) -> Response:
        """Call an address of the web app's domain."""
        name = urlsplit(self.outputs["WebUrl"]).netloc
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.stack.api_url).port, timeout=30)
        sent = {"Host": name, "x-api-key": key or self.stack.api_key, **(headers or {})}
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, {**sent, "Content-Type": "application/json"} if content else sent)
        answer = connection.getresponse()
        return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeSystem]:
    """Deploy with the edge and the web ACL."""
    parameters = {"Edge": "on", "Waf": "on"}
    with LocalStack(tmp_path_factory.mktemp("edge"), parameters=parameters) as running:
        yield EdgeSystem(running)


def code(response: Response) -> tuple[int, str]:
    return response.status, response.json["code"]


def test_a_request_is_generated_through_the_edge(behind: EdgeSystem) -> None:
    accepted = behind.edge("POST", "/v1/requests", {"prompt": "A lighthouse"}, {"Prefer": "wait=20"})
    found = (
        accepted.json
        if accepted.status == 200
        else behind.wait_until(
            lambda: (view := behind.edge("GET", accepted.headers["location"]).json)["status"] == "succeeded" and view,
            what="the image",
        )
    )

    assert found["status"] == "succeeded", found
    ids = [each["id"] for each in found["images"]]
    assert [each["id"] for each in behind.edge("GET", "/v1/images?q=lighthouse").json["images"]] == ids
    assert behind.edge("GET", "/v1/images?q=mountain").json["images"] == [], "query strings arrive"


@pytest.mark.parametrize(
    "headers", [{}, {KEY_HEADER: "F" * 64, VIEWER_HEADER: FORGED}], ids=["without", "with a guess"]
)
def test_a_call_past_the_edge_is_refused(behind: EdgeSystem, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/v1/me"), ("POST", "/v1/requests"), ("GET", "/openai/v1/models"), ("GET", "/health")):
        refused = behind.call(method, path, {} if method == "POST" else None, headers)
        body = refused.json if "openai" not in path else {"code": refused.json["error"]["code"]}
        assert (refused.status, body["code"]) == (403, "edge_required"), path
        assert behind.stack.api_key not in refused.content.decode()


def test_public_routes_are_refused_past_the_edge_and_need_no_key_behind_it(behind: EdgeSystem) -> None:
    values = {"{code}": "not_found", "{token}": "a" * 43, "{erasure_id}": "01a224b3-e29d-7594-aa19-bb4470717af0"}
    for route in sorted(PUBLIC_ROUTES):
        method, _, path = route.partition(" ")
        for name, value in values.items():
            path = path.replace(name, value)
        assert code(behind.call(method, path, {} if method == "POST" else None, key="")) == (403, "edge_required"), (
            route
        )
        if path != "/health":  # the emulator has an own route of this name on every host
            assert behind.edge(method, path, key="not-a-key").status not in {401, 403}, route
    assert behind.call("HEAD", "/health", key="").status == 403


def test_nobody_reaches_the_api_with_a_wrong_key_through_the_edge(behind: EdgeSystem) -> None:
    refused = behind.edge("GET", "/v1/me", key="gi_wrong")

    assert (refused.status, refused.json) == (403, {"message": "Forbidden"}), "the gateway's own refusal"


def test_the_audit_trail_has_the_address_that_cloudfront_saw(behind: EdgeSystem) -> None:
    forged = {VIEWER_HEADER: FORGED, "X-Forwarded-For": FORGED, KEY_HEADER: "F" * 64}
    body = {"owner": "ada", "name": "n", "scopes": ["requests:read"]}
    made = behind.edge("POST", "/v1/keys", body, forged, key=behind.stack.admin_key)
    assert made.status == 201, made.content
    actions = behind.edge("GET", "/v1/operations/actions", key=behind.stack.admin_key).json["actions"]

    assert [action["address"] for action in actions] == ["127.0.0.1"]
    assert FORGED not in json.dumps(actions)


def test_the_web_app_and_its_files_are_on_the_same_domain(behind: EdgeSystem) -> None:
    behind.client("s3").put_object(Bucket=behind.outputs["WebBucketName"], Key="index.html", Body=b"the app")

    assert behind.edge("GET", "/gallery").content == b"the app"
    policy = behind.edge("GET", "/").headers["content-security-policy"]
    assert "execute-api" not in policy.replace(behind.outputs["SocketUrl"], ""), "the app calls its own origin"


def test_the_distribution_has_the_web_acl(behind: EdgeSystem) -> None:
    config = behind.client("cloudfront").get_distribution_config(Id=behind.outputs["WebDistributionId"])
    acls = behind.client("wafv2").list_web_acls(Scope="CLOUDFRONT")["WebACLs"]

    assert config["DistributionConfig"]["WebACLId"] in {acl["ARN"] for acl in acls}


def test_calls_go_on_during_a_rotation_of_the_key(behind: EdgeSystem) -> None:
    def key() -> Any:
        return behind.client("secretsmanager").get_secret_value(SecretId=f"{behind.prefix}-accounts-edge-key")

    (first,) = Keyring.parse(key()["SecretString"]).versions
    done = behind.ops("secrets", "rotate", "accounts-edge-key", "--yes")
    assert done.returncode == 0, done.stderr
    assert behind.edge("GET", "/v1/me").status == 200, "CloudFront sends both, the authorizer knows the first"
    behind.restart("accounts-authorizer")
    assert behind.edge("GET", "/v1/me").status == 200, "the authorizer knows both"
    assert code(behind.call("GET", "/v1/me")) == (403, "edge_required")
    assert first in Keyring.parse(key()["SecretString"]).versions


def test_no_log_contains_the_key(behind: EdgeSystem) -> None:
    secret = behind.client("secretsmanager").get_secret_value(SecretId=f"{behind.prefix}-accounts-edge-key")
    versions = [version.key.decode() for version in Keyring.parse(secret["SecretString"]).versions]
    logs = behind.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    lines = [e["message"] for name in groups for e in logs.filter_log_events(logGroupName=name)["events"]]

    assert [line for line in lines if "edge bypassed" in line], "refusals are logged"
    assert [line for line in lines if any(version in line for version in versions)] == []
