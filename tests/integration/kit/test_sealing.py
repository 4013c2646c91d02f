"""The keys of owners in DynamoDB, and the in-memory keys that other tests use: one suite for both."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kit.errors import OwnerErasedError
from kit.sealing import KEY_BYTES, KeyStore, OwnerKeyTable
from tests.support.sealing import MemoryKeys, create_owner_keys

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


class OneCallAtATime:
    """A client whose calls do not overlap: a conditional write of DynamoDB is atomic, and moto's is not."""

    lock = Lock()

    def __init__(self, client: Any) -> None:
        self._client = client
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            with self.lock:
                return getattr(self._client, name)(**arguments)

        return call


@pytest.fixture
def client(aws_test_environment: None) -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb")
        create_owner_keys(client, "owner-keys")
        yield client


@pytest.fixture(params=["memory", "DynamoDB"])
def keys(request: pytest.FixtureRequest, client: Any) -> KeyStore:
    return MemoryKeys() if request.param == "memory" else OwnerKeyTable(client, "owner-keys")


def test_an_owner_has_no_key_before_the_first_use(keys: KeyStore) -> None:
    assert keys.read("own_a") is None


def test_a_key_is_256_random_bits_per_owner(keys: KeyStore) -> None:
    first, second = keys.create("own_a"), keys.create("own_b")

    assert len(first) == len(second) == KEY_BYTES
    assert first != second
    assert keys.read("own_a") == first


def test_the_first_key_wins(keys: KeyStore) -> None:
    assert keys.create("own_a") == keys.create("own_a") == keys.read("own_a")


def test_a_destroyed_key_is_never_made_again(keys: KeyStore) -> None:
    keys.create("own_a")
    keys.create("own_b")
    keys.destroy("own_a", NOON)

    with pytest.raises(OwnerErasedError):
        keys.read("own_a")
    with pytest.raises(OwnerErasedError):
        keys.create("own_a")
    assert keys.read("own_b")


def test_an_owner_without_a_key_can_be_erased(keys: KeyStore) -> None:
    keys.destroy("own_a", NOON)

    with pytest.raises(OwnerErasedError):
        keys.create("own_a")


def test_a_second_destruction_changes_nothing(keys: KeyStore) -> None:
    assert keys.destroy("own_a", NOON) == NOON
    assert keys.destroy("own_a", NOON + timedelta(hours=1)) == NOON


def test_containers_that_create_a_key_at_once_get_the_same(client: Any) -> None:
    clients = [boto3.client("dynamodb") for _ in range(6)]
    one_by_one: list[Any] = [OneCallAtATime(each) for each in clients]
    tables = [OwnerKeyTable(each, "owner-keys") for each in one_by_one]

    with ThreadPoolExecutor(len(tables)) as pool:
        created = list(pool.map(lambda table: table.create("own_a"), tables))

    assert len(set(created)) == 1


def test_a_tombstone_holds_no_key(client: Any) -> None:
    table = OwnerKeyTable(client, "owner-keys")
    table.create("own_a")
    table.destroy("own_a", NOON)

    (item,) = client.scan(TableName="owner-keys")["Items"]
    assert item.keys() == {"pk", "created_at", "destroyed_at"}
