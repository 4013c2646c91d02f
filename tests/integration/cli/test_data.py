"""Removing the data of an installation, in an account that has another one with a similar name."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.__main__ import main
from cli.options import FAILED, NOT_CONFIRMED, OK

REGION = "us-east-1"
DOOMED, OTHER = "genai-images-dev", "genai-images-dev2"
SUFFIX = f"123456789012-{REGION}"
TEMPLATE = """
Parameters: {DataRetention: {Type: String}}
Resources: {Topic: {Type: AWS::SNS::Topic}}
"""


@pytest.fixture
def aws(aws_test_environment: None) -> Iterator[Any]:
    """Return the function that makes clients of an account with two installations."""
    with mock_aws():

        def client(service: str) -> Any:
            return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]

        s3 = client("s3")
        for prefix in (DOOMED, OTHER):
            client("dynamodb").create_table(
                TableName=f"{prefix}-requests",
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            bucket = f"{prefix}-gallery-{SUFFIX}"
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            for content in (b"old", b"new"):
                s3.put_object(Bucket=bucket, Key="images/1", Body=content)
            client("secretsmanager").create_secret(Name=f"{prefix}-accounts-key-hashing", SecretString="x")
        s3.create_bucket(Bucket=f"{DOOMED}-gallery-somebody-elses")
        yield client


def names(aws: Any) -> set[str]:
    """Return the names of everything in the account."""
    return {
        *aws("dynamodb").list_tables()["TableNames"],
        *(bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]),
        *(secret["Name"] for secret in aws("secretsmanager").list_secrets()["SecretList"]),
    }


def run(*arguments: str) -> int:
    return main(["data", *arguments, "--prefix", DOOMED, "--region", REGION])


def deploy(aws: Any, retention: str) -> None:
    parameters = [{"ParameterKey": "DataRetention", "ParameterValue": retention}]
    aws("cloudformation").create_stack(StackName=DOOMED, TemplateBody=TEMPLATE, Parameters=parameters)


def test_a_table_that_is_protected_from_deletion_is_deleted_too(aws: Any) -> None:
    aws("dynamodb").update_table(TableName=f"{DOOMED}-requests", DeletionProtectionEnabled=True)

    assert run("delete", "--yes") == OK
    assert f"{DOOMED}-requests" not in names(aws)


def test_what_a_deleted_stack_left_is_deleted_and_nothing_else(aws: Any) -> None:
    before = names(aws)

    assert run("delete", "--yes") == OK
    assert before - names(aws) == {
        f"{DOOMED}-requests",
        f"{DOOMED}-gallery-{SUFFIX}",
        f"{DOOMED}-accounts-key-hashing",
    }
    assert run("delete") == OK, "nothing is left to confirm"
    aws("secretsmanager").create_secret(Name=f"{DOOMED}-accounts-key-hashing", SecretString="y")


@pytest.mark.parametrize("retention", ["Retain", "Delete"])
def test_data_that_a_stack_uses_is_not_deleted(aws: Any, retention: str, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(aws, retention)
    before = names(aws)

    assert run("delete", "--yes") == FAILED
    assert "Delete the stack first" in capsys.readouterr().err
    assert names(aws) == before


def test_buckets_of_a_temporary_stack_are_emptied(aws: Any) -> None:
    deploy(aws, "Delete")
    before = names(aws)

    assert run("empty", "--yes") == OK
    assert names(aws) == before
    assert "Versions" not in aws("s3").list_object_versions(Bucket=f"{DOOMED}-gallery-{SUFFIX}")
    assert len(aws("s3").list_object_versions(Bucket=f"{OTHER}-gallery-{SUFFIX}")["Versions"]) == 2


def test_buckets_that_a_stack_retains_are_not_emptied(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(aws, "Retain")

    assert run("empty", "--yes") == FAILED
    assert "DataRetention=Delete" in capsys.readouterr().err
    assert len(aws("s3").list_object_versions(Bucket=f"{DOOMED}-gallery-{SUFFIX}")["Versions"]) == 2


@pytest.mark.parametrize("answer", ["", "y", OTHER])
def test_only_the_prefix_confirms(aws: Any, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("click.prompt", lambda *_, **__: answer)
    before = names(aws)

    assert run("delete") == NOT_CONFIRMED
    assert names(aws) == before
