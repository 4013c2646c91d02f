"""With ``Encryption=customer``, the deployed system stores everything under its own key, and works as before.

The emulator checks IAM, keeps the keys of queues, log groups and secrets but of no other store, and never calls KMS.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.owners import export, new_key
from tests.support.system import System, download, own_system


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return a system of its own, with its own key."""
    with own_system(
        tmp_path_factory.mktemp("encrypted"),
        parameters={"Encryption": "customer"},
    ) as system:
        yield system


@pytest.fixture(scope="module")
def key(encrypted: System) -> str:
    """Return the ARN of the key, which its alias names."""
    found = encrypted.client("kms").describe_key(KeyId=f"alias/{encrypted.prefix}")["KeyMetadata"]
    assert found["KeyManager"] == "CUSTOMER"
    assert encrypted.client("kms").get_key_rotation_status(KeyId=found["KeyId"])["KeyRotationEnabled"]
    return str(found["Arn"])


def test_a_request_passes_and_its_image_has_a_link_that_kms_accepts(encrypted: System) -> None:
    request = encrypted.generate("A lighthouse at dusk")
    (image,) = request["images"]
    assert download(image["url"])
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in image["url"]


def test_an_export_is_downloaded_by_its_link(encrypted: System) -> None:
    owner = new_key(encrypted, "ada-with-a-key")["key"]
    (file,) = export(encrypted, owner)["files"]

    assert len(download(file["url"])) == file["bytes"]
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in file["url"]


def test_every_queue_log_group_and_secret_has_the_key(encrypted: System, key: str) -> None:
    found = _keys(encrypted)

    assert found == dict.fromkeys(found, key)
    assert {name.split(" ")[0] for name in found} == {"queue", "logs", "secret"}


def test_roles_use_the_key_through_services_of_their_stores(encrypted: System, key: str) -> None:
    iam, found = encrypted.client("iam"), 0
    for role in _pages(iam, "list_roles", "Roles"):
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            for statement in document["Statement"]:
                if statement["Resource"] == key:
                    found += 1
                    assert statement["Condition"]["StringLike"]["kms:ViaService"]
    assert found == len(_pages(encrypted.client("lambda"), "list_functions", "Functions"))


def _keys(system: System) -> dict[str, Any]:
    """Return the key of every queue, log group and secret of the system by its kind and name."""
    sqs = system.client("sqs")
    found: dict[str, Any] = {}
    for url in _pages(sqs, "list_queues", "QueueUrls"):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        found[f"queue {url}"] = attributes.get("KmsMasterKeyId")
    for group in _pages(system.client("logs"), "describe_log_groups", "logGroups"):
        found[f"logs {group['logGroupName']}"] = group.get("kmsKeyId")
    secrets = system.client("secretsmanager")
    for secret in _pages(secrets, "list_secrets", "SecretList"):
        found[f"secret {secret['Name']}"] = secrets.describe_secret(SecretId=secret["ARN"]).get("KmsKeyId")
    return found


def _pages(client: Any, operation: str, name: str) -> list[Any]:
    return [each for page in client.get_paginator(operation).paginate() for each in page.get(name, [])]
