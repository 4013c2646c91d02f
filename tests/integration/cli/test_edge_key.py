"""Rotation of the key that CloudFront sends with every call: at every step, the authorizer accepts what is sent."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from cli.__main__ import main
from kit.keyring import Keyring
from services.accounts.edge import KEY_HEADER, VIEWER_HEADER, Edge
from tests.support.distribution_on_moto import distribute, sent
from tests.support.templates import resources

PREFIX, NAME = "genai-images-test", "accounts-edge-key"
FIRST = "F" * 64


@pytest.fixture
def installation(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        (trail,) = [each for each in resources("AWS::DynamoDB::Table") if each.service == "operations"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema")
        properties: Any = {name: trail.properties[name] for name in names}
        boto3.client("dynamodb").create_table(TableName=f"{PREFIX}-operations", **properties)
        monkeypatch.setenv("GENAI_IMAGES_PREFIX", PREFIX)
        yield


@pytest.fixture
def distribution(installation: None) -> str:
    boto3.client("secretsmanager").create_secret(Name=f"{PREFIX}-{NAME}", SecretString=FIRST)
    return distribute(PREFIX, FIRST)


def run(*arguments: str) -> int:
    return main(["secrets", *arguments, "--yes"])


def stored() -> str:
    return boto3.client("secretsmanager").get_secret_value(SecretId=f"{PREFIX}-{NAME}")["SecretString"]


def accepts(keyring: str, header: str) -> bool:
    return Edge(lambda: Keyring.parse(keyring)).viewer({KEY_HEADER: header, VIEWER_HEADER: "192.0.2.1"}) is not None


def activate() -> None:
    """Let the hour pass after which the newest version is current."""
    found = json.loads(stored())
    found[max(found)]["active_from"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    boto3.client("secretsmanager").put_secret_value(SecretId=f"{PREFIX}-{NAME}", SecretString=json.dumps(found))


def test_no_step_of_a_rotation_refuses_a_call(distribution: str) -> None:
    headers, keyrings = [sent(distribution)], [stored()]
    assert run("rotate", NAME) == 0
    headers.append(sent(distribution))
    keyrings.append(stored())
    activate()
    assert run("retire", NAME, "1") == 0
    headers.append(sent(distribution))
    keyrings.append(stored())

    # Edges and authorizers learn of each step at different times, but of one step before the next one.
    for step, (at_edge, at_authorizer) in product(range(2), product(range(2), repeat=2)):
        assert accepts(keyrings[step + at_authorizer], headers[step + at_edge]), (step, at_edge, at_authorizer)
    assert not accepts(keyrings[2], headers[0]), "the old key is worthless"
    assert FIRST not in headers[2]


def test_cloudfront_sends_what_a_deployment_would_send(distribution: str) -> None:
    run("rotate", NAME)

    assert sent(distribution) == stored(), "the template resolves the whole value of the secret"


def test_a_rotation_that_was_interrupted_is_repeated(distribution: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": "InternalServiceError", "Message": ""}}, "PutSecretValue")

    with monkeypatch.context() as broken:
        broken.setattr("botocore.client.BaseClient._make_api_call", _failing("PutSecretValue", fail))
        assert run("rotate", NAME) != 0
    assert (stored(), sent(distribution)) != (FIRST, FIRST), "CloudFront has the version already"
    assert accepts(stored(), sent(distribution))
    assert run("rotate", NAME) == 0
    assert sent(distribution) == stored()


def _failing(operation: str, fail: Any) -> Any:
    """Return botocore's method for calls, in which one operation fails."""
    original: Any = vars(BaseClient)["_make_api_call"]

    def call(self: Any, name: str, parameters: Any) -> Any:
        return fail() if name == operation else original(self, name, parameters)

    return call


def test_an_installation_without_an_edge_has_no_key(installation: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rotate", NAME) == 1
    assert "if it is deployed with Edge=on" in capsys.readouterr().err


def test_a_stack_without_the_distribution_is_explained(installation: None, capsys: pytest.CaptureFixture[str]) -> None:
    boto3.client("secretsmanager").create_secret(Name=f"{PREFIX}-{NAME}", SecretString=FIRST)

    assert run("rotate", NAME) == 1
    assert "Deploy it with Edge=on first" in capsys.readouterr().err
    assert stored() == FIRST
