"""The custom resource that creates the keys of image links, as CloudFormation calls it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kit.cdn_signatures import public_key
from kit.keyring import Keyring
from tests.support.functions import load_function, unload_functions
from tests.support.hook import Hook

PREFIX = "genai-images-test"


@pytest.fixture
def call(aws_test_environment: None, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that sends a request to the custom resource and returns its answer."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "storage")
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name="links", SecretString="generated")
        handler = load_function("storage", "keys").handler

        def send(request: str, secret: str = "links", **more: str) -> dict[str, Any]:
            handler(
                {
                    "RequestType": request,
                    "RequestId": "request-1",
                    "StackId": "stack-1",
                    "LogicalResourceId": "LinkKeys",
                    "ResponseURL": hook.url,
                    "ResourceProperties": {"ServiceToken": "arn", "Prefix": PREFIX, "SecretId": secret},
                    **more,
                },
                None,
            )
            answer: dict[str, Any] = json.loads(hook.calls[-1][2])
            return answer

        yield send
    unload_functions("storage")


def stored() -> Keyring:
    return Keyring.parse(boto3.client("secretsmanager").get_secret_value(SecretId="links")["SecretString"])


def test_creation_answers_with_the_key_group_of_the_secret(call: Any) -> None:
    answer = call("Create")

    assert (answer["Status"], answer["LogicalResourceId"]) == ("SUCCESS", "LinkKeys")
    group = boto3.client("cloudfront").get_key_group(Id=answer["Data"]["KeyGroupId"])["KeyGroup"]["KeyGroupConfig"]
    (key_id,) = group["Items"]
    (version,) = stored().versions
    assert (version.key, version.public_key_id) == (b"generated", key_id)
    key = boto3.client("cloudfront").get_public_key(Id=key_id)["PublicKey"]["PublicKeyConfig"]
    assert key["EncodedKey"].strip() == public_key(b"generated").strip()


def test_a_repeated_creation_and_an_update_change_nothing(call: Any) -> None:
    first = call("Create")
    before = stored()

    assert call("Create") == first
    assert call("Update", PhysicalResourceId=first["PhysicalResourceId"]) == first
    assert stored() == before


def test_a_failure_is_reported_with_its_reason(call: Any) -> None:
    answer = call("Create", secret="missing")

    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("ResourceNotFoundException: ")
    assert answer["PhysicalResourceId"] == "none"
    assert "generated" not in json.dumps(answer)
