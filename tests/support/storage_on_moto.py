"""Storage's table, buckets and queues on moto."""

from typing import Any

import boto3
import pytest

from tests.support.sealing import create_owner_keys

TABLE_KEYS = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def create_gallery(template: dict[str, Any]) -> None:
    """Create the table as the template declares it, and the two buckets."""
    properties = template["Resources"]["GalleryTable"]["Properties"]
    boto3.client("dynamodb").create_table(TableName="gallery", **{key: properties[key] for key in TABLE_KEYS})
    create_owner_keys(boto3.client("dynamodb"), "owner-keys", "ada")
    for bucket in ("gallery", "handoff"):
        boto3.client("s3").create_bucket(Bucket=bucket)
    versioning = template["Resources"]["GalleryBucket"]["Properties"]["VersioningConfiguration"]
    boto3.client("s3").put_bucket_versioning(Bucket="gallery", VersioningConfiguration=versioning)


def set_environment(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """Create the other resources of the functions and set their environment as the template does."""
    boto3.client("events").create_event_bus(Name="bus")
    queue, dead = (boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("queue", "dead"))
    boto3.client("secretsmanager").create_secret(Name="key", SecretString="not a secret")
    for name, value in {
        "TABLE_NAME": "gallery",
        "GALLERY_BUCKET_NAME": "gallery",
        "HANDOFF_BUCKET_NAME": "handoff",
        "PROMPT_HASH_KEY_ID": "key",
        "CONTENT_CREDENTIALS_KEY_ID": "key",
        "OWNER_KEYS_TABLE_NAME": "owner-keys",
        "EVENT_BUS_NAME": "bus",
        "QUEUE_URL": queue,
        "DEAD_LETTER_QUEUE_URL": dead,
        "REMOVE_QUEUE_URL": queue,
        "REMOVE_DEAD_LETTER_QUEUE_URL": dead,
        "CDN_URL": "",
        "DISTRIBUTION_ID": "",
        "POWERTOOLS_SERVICE_NAME": "storage",
        **more,
    }.items():
        monkeypatch.setenv(name, value)


def receive_all(name: str) -> list[dict[str, Any]]:
    """Return the messages of a queue and delete them."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: list[dict[str, Any]] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found += [dict(message) for message in batch]
    return found
