"""Publishing to a bucket that holds earlier builds."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from cli.web_publishing import IMMUTABLE, REVALIDATE, File, publish

BUCKET = "web"


@pytest.fixture
def client():  # type: ignore[no-untyped-def]
    """An S3 client on a bucket of its own."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def build(number: int) -> list[File]:
    """Return a build whose script has a name of its own."""
    script = File(f"assets/{number}.js", b"//", "text/javascript", IMMUTABLE)
    return [script, File("index.html", str(number).encode(), "text/html", REVALIDATE)]


def keys(client) -> set[str]:  # type: ignore[no-untyped-def]
    return {entry["Key"] for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]}


def test_files_of_the_last_build_stay_for_open_pages(client) -> None:  # type: ignore[no-untyped-def]
    publish(client, BUCKET, build(1))
    removed = publish(client, BUCKET, build(2))

    assert removed == 0
    assert keys(client) == {"assets/1.js", "assets/2.js", "index.html"}
    page = client.get_object(Bucket=BUCKET, Key="index.html")
    assert (page["Body"].read(), page["CacheControl"], page["ContentType"]) == (b"2", REVALIDATE, "text/html")


def test_files_of_earlier_builds_are_deleted_after_a_month(client) -> None:  # type: ignore[no-untyped-def]
    publish(client, BUCKET, build(1))
    removed = publish(client, BUCKET, build(2), now=datetime.now(UTC) + timedelta(days=31))

    assert removed == 1
    assert keys(client) == {"assets/2.js", "index.html"}
