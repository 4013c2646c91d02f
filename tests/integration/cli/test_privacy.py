"""The search for what an erasure must have removed, in versions and replicas of objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.connection import Connection, Target
from cli.erasures import Found, Searcher
from services.analytics.archive_format import lines_of, pack
from services.analytics.repository.parquet import Parquet
from tests.support.events import sample

PREFIX = "genai-images-test"
ACCOUNT = "123456789012"
TEXT = "a planted prompt"


@dataclass
class Buckets:
    """The buckets of an installation, and what of them the search finds."""

    connection: Connection

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=f"{PREFIX}-{bucket}", Key=key, Body=body)

    @property
    def client(self) -> Any:
        return boto3.client("s3")

    def found(self) -> list[Found]:
        return [each for each in Searcher(self.connection, [TEXT]).search() if each.store.startswith("bucket")]


@pytest.fixture
def buckets(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    monkeypatch.setattr("cli.erasures.TABLES", ())
    with mock_aws():
        connection = Connection(Target(PREFIX, region="us-east-1"))
        monkeypatch.setattr(connection, "parameter", {"ReplicaRegion": "eu-west-1"}.get)
        s3 = boto3.client("s3", region_name="us-east-1")
        for name in ("gallery", "handoff", "analytics", "exports"):
            s3.create_bucket(Bucket=f"{PREFIX}-{name}-{ACCOUNT}-us-east-1")
        for name in ("gallery", "analytics"):
            s3.create_bucket(
                Bucket=f"{PREFIX}-{name}-{ACCOUNT}-eu-west-1",
                CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
            )
            for region in ("us-east-1", "eu-west-1"):
                s3.put_bucket_versioning(
                    Bucket=f"{PREFIX}-{name}-{ACCOUNT}-{region}", VersioningConfiguration={"Status": "Enabled"}
                )
        yield Buckets(connection)


def test_a_former_version_is_found(buckets: Buckets) -> None:
    name = f"gallery-{ACCOUNT}-us-east-1"
    buckets.put(name, "images/r/0", TEXT.encode())
    buckets.client.delete_object(Bucket=f"{PREFIX}-{name}", Key="images/r/0")

    (found,) = buckets.found()
    assert (found.store, found.text) == ("bucket gallery", TEXT)
    assert found.where.startswith("images/r/0 (version ")


def test_a_replica_is_searched(buckets: Buckets) -> None:
    name = f"analytics-{ACCOUNT}-eu-west-1"
    buckets.put(name, "events/1.json", TEXT.encode())
    buckets.client.delete_object(Bucket=f"{PREFIX}-{name}", Key="events/1.json")

    assert [each.store for each in buckets.found()] == ["bucket analytics in eu-west-1"]


def test_a_compacted_day_is_searched(buckets: Buckets, tmp_path: Path) -> None:
    """Its file is compressed."""
    [(_, packed)] = pack([sample("ImageDeleted")])
    [line] = lines_of(packed)
    line = line.replace('"owner":"', f'"owner":"{TEXT}')
    parquet = Parquet(tmp_path / "duckdb")
    parquet.stage([line], tmp_path / "staged")
    parquet.write(tmp_path / "staged", [], tmp_path / "part")
    content = (tmp_path / "part").read_bytes()
    key = "events/parquet/day=2026-11-22/00000.parquet"
    buckets.put(f"analytics-{ACCOUNT}-us-east-1", key, content)

    assert [(each.store, each.where) for each in buckets.found()] == [("bucket analytics", key)]


def test_the_key_of_a_delete_marker_is_searched(buckets: Buckets) -> None:
    bucket, key = f"{PREFIX}-gallery-{ACCOUNT}-us-east-1", f"images/{TEXT}"
    version = buckets.client.put_object(Bucket=bucket, Key=key, Body=b"image")["VersionId"]
    buckets.client.delete_object(Bucket=bucket, Key=key)
    buckets.client.delete_object(Bucket=bucket, Key=key, VersionId=version)

    assert [each.where for each in buckets.found()] == [f"images/{TEXT} (delete marker)"]


def test_nothing_is_found_if_nothing_is_left(buckets: Buckets) -> None:
    buckets.put(f"exports-{ACCOUNT}-us-east-1", "parts/1", b"something else")

    assert buckets.found() == []
