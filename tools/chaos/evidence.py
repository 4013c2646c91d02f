"""The state after a run, read from tables, buckets and the model stand-in."""

import json
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kit.dynamodb import from_item
from kit.sealing import OwnerKeyTable, Sealer
from kit.timeline import read_timeline
from local.bedrock.calls import prompt_hash
from local.stack import LocalStack


@dataclass(frozen=True)
class StoredRequest:
    """One request of the request-state table."""

    request_id: str
    status: str
    prompt: str
    events: Counter[str]
    """The timeline: how many of each type."""
    seconds: float
    """From accepted to the last event, without replays."""


@dataclass
class Evidence:
    """Everything that the invariants compare."""

    requests: dict[str, StoredRequest] = field(default_factory=dict)
    entries: dict[str, list[str]] = field(default_factory=dict)
    """Request → its files according to the gallery's catalog."""
    images: Counter[str] = field(default_factory=Counter)
    """Request → its images in the catalog."""
    files: dict[str, str] = field(default_factory=dict)
    """Key in the gallery bucket → hash of its content."""
    raw: Counter[str] = field(default_factory=Counter)
    """Request → its raw images in the hand-off bucket."""
    leases: dict[tuple[str, int], int] = field(default_factory=dict)
    """Request and image → calls that the ledger counted as possibly paid."""
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Request and outcome of an image → count."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    """All calls to the models."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Queue → messages that are visible now or after their delay."""
    hidden: dict[str, int] = field(default_factory=dict)
    """Queue → messages that are received and not yet deleted."""

    def paid(self, operation: str) -> Counter[str]:
        """Return the paid calls of one operation by the hash of the prompt."""
        return Counter(call["prompt_sha256"] for call in self.calls if call["operation"] == operation and call["paid"])

    def paid_images(self) -> Counter[tuple[str, int]]:
        """Return the paid generations by the hash of the prompt and the seed."""
        return Counter(
            (call["prompt_sha256"], call["seed"])
            for call in self.calls
            if call["operation"] == "invoke" and call["paid"]
        )

    def by_outcome(self, operation: str) -> Counter[str]:
        """Return the outcomes of the calls of one operation."""
        return Counter(call["outcome"] for call in self.calls if call["operation"] == operation)


def collect(stack: LocalStack) -> Evidence:
    """Read everything. Change nothing."""
    found = Evidence(calls=model_calls(stack), waiting=waiting(stack), hidden=hidden(stack))
    _read_requests(stack, found)
    _read_gallery(stack, found)
    _read_ledger(stack, found)
    found.files = dict(_objects(stack, "GalleryBucketName", "images/"))
    found.raw = Counter(key.split("/")[1] for key, _ in _objects(stack, "HandoffBucketName", "raw/"))
    return found


def model_calls(stack: LocalStack) -> list[dict[str, Any]]:
    """Return the calls that the model stand-in received."""
    with urllib.request.urlopen(f"{stack.models.url}/_calls", timeout=30) as answer:
        calls: list[dict[str, Any]] = json.load(answer)["calls"]
    return calls


def waiting(stack: LocalStack, suffix: str = "") -> dict[str, int]:
    """Return the number of waiting messages per queue whose name ends with ``suffix``, without empty queues."""
    return _counts(stack, suffix, ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"))


def hidden(stack: LocalStack) -> dict[str, int]:
    """Return the number of received, not deleted messages per queue: in progress, or held by a killed worker."""
    return _counts(stack, "", ("ApproximateNumberOfMessagesNotVisible",))


def _counts(stack: LocalStack, suffix: str, names: Sequence[str]) -> dict[str, int]:
    sqs, found = stack.client("sqs"), {}
    for url in sqs.list_queues(QueueNamePrefix=f"{stack.prefix}-").get("QueueUrls", []):
        name = url.rpartition("/")[2].removeprefix(f"{stack.prefix}-")
        if name.endswith(suffix) and not name.startswith("chaos-"):
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
            if total := sum(int(counts[name]) for name in names):
                found[name] = total
    return found


def digest(prompt: str) -> str:
    """Return the hash by which the stand-in knows a prompt."""
    return prompt_hash(prompt)


def _read_requests(stack: LocalStack, found: Evidence) -> None:
    states: dict[str, Mapping[str, Any]] = {}
    prompts: dict[str, str] = {}
    sealer = Sealer(OwnerKeyTable(stack.client("dynamodb"), f"{stack.prefix}-owner-keys"))
    for item in _scan(stack, "requests"):
        kind, _, request_id = item["pk"].partition("#")
        if kind != "REQUEST":
            continue
        if item["sk"] == "REQUEST":
            request = json.loads(item["event"])
            prompts[request_id] = sealer.open(request["metadata"]["owner"], request["data"]["parameters"]["prompt"])
        elif item["sk"] == "STATE":
            states[request_id] = item
    for request_id in prompts.keys() | states.keys():
        state = states.get(request_id)
        if state is None or request_id not in prompts:
            raise AssertionError(f"incomplete request: {request_id}")
        found.requests[request_id] = _request(request_id, state, prompts[request_id])


def _request(request_id: str, state: Mapping[str, Any], prompt: str) -> StoredRequest:
    entries = read_timeline(state["timeline"], request_id).values()
    moments = [entry.at for entry in entries if entry.detail_type != "MessageReplayed"]
    seconds = (max(moments) - datetime.fromisoformat(state["created_at"])).total_seconds()
    return StoredRequest(request_id, state["status"], prompt, Counter(entry.detail_type for entry in entries), seconds)


def _read_gallery(stack: LocalStack, found: Evidence) -> None:
    files: dict[str, list[str]] = defaultdict(list)
    for item in _scan(stack, "gallery"):
        if "listing_key" in item:  # an entry, neither a marker nor a tombstone
            request_id = item["pk"].removeprefix("image#").rpartition("-")[0]
            folder = item["folder"].replace("*", request_id, 1)
            found.images[request_id] += 1
            files[request_id] += [f"{folder}/{name}" for name in item["files"]]
    found.entries = dict(files)


def _read_ledger(stack: LocalStack, found: Evidence) -> None:
    for item in _scan(stack, "generation"):
        name, _, index = item["item"].partition("#")
        if name == "image" and "paid_calls" in item:  # otherwise it is a tombstone only
            found.leases[item["request_id"], int(index)] = int(item["paid_calls"])
            outcome = json.loads(item["outcome"])["status"] if "outcome" in item else "none"
            found.outcomes[item["request_id"], outcome] += 1


def _scan(stack: LocalStack, table: str) -> Iterator[dict[str, Any]]:
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=f"{stack.prefix}-{table}")
    for page in pages:
        yield from (from_item(item) for item in page["Items"])


def _objects(stack: LocalStack, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
    pages = stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stack.outputs[bucket], Prefix=prefix)
    for page in pages:
        for item in page.get("Contents", []):
            yield item["Key"], item["ETag"]
