"""A planted prompt passes through all services. It is readable where ADR 26 says so, and nowhere else.

The whole system runs on moto. Every item, stream record, object, message, published event and log line is searched.
"""

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import pytest

from kit.sealing import OwnerKeyTable, Sealer
from tools.permissions.recorder import Call
from tools.permissions.report import DEPLOYMENTS
from tools.permissions.scenarios.requests import accept
from tools.permissions.stack import PREFIX
from tools.permissions.world import World

PROMPT: Final = "a heliotrope zeppelin over Wuppertal"
NEGATIVE_PROMPT: Final = "moustachioed walruses"
WORDS: Final = ("heliotrope", "zeppelin", "wuppertal", "moustachioed", "walruses")
READABLE: Final = {f"table {PREFIX}-gallery"}
"""The gallery's table: search needs the words of prompts. Its stream is part of it."""
MODELS: Final = frozenset({"bedrock-runtime", "rekognition"})
OWNER: Final = "ada"
"""The owner of all calls of the world."""
LATE: Final = {
    "moderation-prompt": "ImageRequested",
    "generation-generate": "PromptApproved",
    "storage-store": "ImageApproved",
}
"""The queues whose consumers open texts, with the event that has them."""


@dataclass
class Story:
    """What happened in the world so far."""

    world: World
    log: io.StringIO = field(default_factory=io.StringIO)
    calls: list[Call] = field(default_factory=list)

    def run(self) -> None:
        """Create a request with everything that follows, a rejected one, and a dead letter."""
        with redirect_stdout(self.log):
            texts = {"prompt": PROMPT, "negative_prompt": NEGATIVE_PROMPT}
            once = {"Idempotency-Key": "planted"}
            for _ in range(2):
                made = self.world.http("intake.api", "POST", "/v1/requests", texts, headers=once)
                self.world.settle()
            accept(self.world, prompt=f"{PROMPT}, a g-a-n-g-b-a-n-g")
            self.world.settle()
            self.world.send("moderation-prompt", self.late("ImageRequested", count=9))
            self.world.settle()
            path = {"request_id": made["id"]}
            shown = self.world.http("intake.api", "GET", "/v1/requests/{request_id}", at=path)
        assert shown["status"] == "succeeded"
        assert (shown["request"]["prompt"], shown["request"]["negative_prompt"]) == (PROMPT, NEGATIVE_PROMPT)

    def late(self, detail_type: str, **parameters: Any) -> str:
        """Return the first event of this type as a message about another request of the owner."""
        entry = next(each for each in self.world.published if each["DetailType"] == detail_type)
        detail = json.loads(entry["Detail"])
        detail["metadata"] |= {"request_id": str(uuid4()), "event_id": str(uuid4())}
        detail["data"]["parameters"] |= parameters
        return json.dumps({"source": entry["Source"], "detail-type": detail_type, "detail": detail})


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    region, parameters = DEPLOYMENTS["default"]
    with World(region, parameters) as world:
        story = Story(world)
        world.recorder.called = story.calls.append
        story.run()
        yield story


def places(story: Story) -> Iterator[tuple[str, str]]:
    """Yield everything that is stored or was published or logged, with the name of its place."""
    world = story.world
    dynamodb, s3, sqs, streams = (world.client(name) for name in ("dynamodb", "s3", "sqs", "dynamodbstreams"))
    for name in dynamodb.list_tables()["TableNames"]:
        yield f"table {name}", repr(dynamodb.scan(TableName=name)["Items"])
    for stream in streams.list_streams()["Streams"]:
        for shard in streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]:
            start = streams.get_shard_iterator(
                StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            yield f"table {stream['TableName']}", repr(streams.get_records(ShardIterator=start)["Records"])
    for bucket in s3.list_buckets()["Buckets"]:
        for entry in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            content = s3.get_object(Bucket=bucket["Name"], Key=entry["Key"])["Body"].read()
            unpacked = gzip.decompress(content) if entry["Key"].endswith(".gz") else content
            yield f"bucket {bucket['Name']}", unpacked.decode(errors="ignore")
    for url in sqs.list_queues(QueueNamePrefix=PREFIX)["QueueUrls"]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        yield f"queue {url.rpartition('/')[2]}", repr(found.get("Messages", []))
    yield "event bus", repr(world.published)
    yield "log", story.log.getvalue()


def test_a_prompt_is_readable_in_the_gallery_only(story: Story) -> None:
    found = list(places(story))

    assert {place for place, text in found if any(word in text.casefold() for word in WORDS)} == READABLE


def test_the_search_sees_every_kind_of_place(story: Story) -> None:
    """The sealed prompt is where the readable one would be: so the search would find it there."""
    sealed = {place for place, text in places(story) if "s1." in text}

    assert {f"table {PREFIX}-requests", f"queue {PREFIX}-moderation-prompt-dlq", "event bus"} <= sealed
    assert any(place.startswith(f"bucket {PREFIX}-analytics-") for place in sealed), "the archive"


def test_the_models_get_the_readable_prompt(story: Story) -> None:
    sent = {call.operation: str(call.parameters) for call in story.calls if call.service == "bedrock-runtime"}

    assert all(PROMPT in sent[operation] for operation in ("Converse", "InvokeModel"))
    assert NEGATIVE_PROMPT in sent["InvokeModel"]


@pytest.mark.parametrize(("queue", "detail_type"), LATE.items())
def test_a_late_message_of_an_erased_owner_ends_without_a_paid_call(story: Story, queue: str, detail_type: str) -> None:
    world, consumer = story.world, queue.replace("-", ".", 1)

    def effects() -> tuple[int, int]:
        """Deliver a late message. Return the events that follow and the calls of models."""
        published, called = len(world.published), len(story.calls)
        world.send(queue, story.late(detail_type))
        with redirect_stdout(story.log):
            world.deliver_messages()
        paid = [call for call in story.calls[called:] if call.service in MODELS]
        return len(world.published) - published, len(paid)

    erased = OwnerKeyTable(world.client("dynamodb"), f"{PREFIX}-owner-keys")
    key = world.client("dynamodb").get_item(TableName=f"{PREFIX}-owner-keys", Key={"pk": {"S": OWNER}})["Item"]
    assert effects() != (0, 0), "the message is valid"
    dead = len(dead_letters(world))
    Sealer(erased).destroy(OWNER, datetime.now(UTC))
    world.forget(consumer)  # another container: this one may use its cached key for five minutes

    assert effects() == (0, 0)
    assert len(dead_letters(world)) == dead

    world.client("dynamodb").put_item(TableName=f"{PREFIX}-owner-keys", Item=key)
    world.forget(consumer)


def dead_letters(world: World) -> list[str]:
    """Return the messages of all dead-letter queues."""
    sqs = world.client("sqs")
    return [
        message["MessageId"]
        for url in sqs.list_queues(QueueNamePrefix=PREFIX)["QueueUrls"]
        if url.endswith("-dlq")
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    ]
