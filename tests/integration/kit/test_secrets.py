"""Keyrings in Secrets Manager."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kit.secrets import ACTIVATION, REFRESH_SECONDS, RETRY_SECONDS, CachedKeyring

NAME = "x-key-hashing"


class Clock:
    """A clock in seconds that tests advance."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def client(aws_test_environment: None) -> Iterator[Any]:
    with mock_aws():
        found = boto3.client("secretsmanager")
        found.create_secret(Name=NAME, SecretString="pepper")
        yield found


def test_a_secret_is_read_on_first_use_and_again_after_five_minutes(client: Any) -> None:
    clock = Clock()
    keyring = CachedKeyring(client, NAME, clock)
    assert keyring.current().key == b"pepper"
    client.put_secret_value(SecretId=NAME, SecretString='{"1": {"key": "a"}, "2": {"key": "b"}}')
    clock.seconds = REFRESH_SECONDS - 1
    assert keyring.current().key == b"pepper"
    clock.seconds = REFRESH_SECONDS

    assert keyring.current().key == b"b"


def test_an_outage_does_not_take_the_secret_away(client: Any) -> None:
    clock = Clock()
    keyring = CachedKeyring(client, NAME, clock)
    keyring()
    client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    clock.seconds = REFRESH_SECONDS
    assert keyring.current().key == b"pepper"
    client.create_secret(Name=NAME, SecretString="salt")
    clock.seconds = REFRESH_SECONDS + RETRY_SECONDS - 1
    assert keyring.current().key == b"pepper"
    clock.seconds = REFRESH_SECONDS + RETRY_SECONDS

    assert keyring.current().key == b"salt"


def test_without_a_first_read_there_is_no_secret(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        CachedKeyring(client, "other")()


def test_every_function_knows_a_version_before_it_is_used() -> None:
    assert ACTIVATION.total_seconds() > REFRESH_SECONDS + RETRY_SECONDS
