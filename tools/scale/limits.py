"""What bounds the rate of images: the settings of the templates, hot keys of the tables, and AWS's quotas."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.analytics.repository.counters import SHARDS as COUNTER_SHARDS
from services.analytics.service import REQUESTS_MAX
from services.intake.repository.requests import SHARDS as OPEN_SHARDS
from services.moderation.gateways import MAX_PARALLEL as MODERATIONS
from tools.scale.arithmetic import (
    Limit,
    Work,
    batch_seconds,
    concurrency_for,
    consumer_rate,
    key_rate,
    write_units,
)
from tools.scale.items import full_day_bytes
from tools.scale.settings import EVENTS, STATUS_CHANGES, Consumer, Settings, invocations_of_rules

QUOTAS: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("quotas.json").read_text())
LOAD: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("load.json").read_text())
WAITS: Final[dict[str, float]] = json.loads(
    Path(__file__).parents[1].joinpath("benchmarks", "prices.json").read_text()
)["seconds_waited"]
GENERATIONS: Final = 5
"""``MAX_PARALLEL`` of generation; a test compares it with the template."""
PARALLEL: Final = {
    "generation-generate": GENERATIONS,
    "moderation-prompt": MODERATIONS,
    "moderation-image": MODERATIONS,
}
RETRY_WINDOW: Final = 900
"""Seconds for which a message is retried while a dependency is unavailable (ADR 4)."""


def quota(name: str) -> float:
    """Return the value of a published quota."""
    return float(QUOTAS["quotas"][name]["value"])


def work_of(function: str) -> Work:
    """Return what a function does with one message or call."""
    load = LOAD["functions"][function]
    waits = sum(WAITS.get(operation, WAITS["other"]) * count for operation, count in load["calls"].items())
    return Work(waits, load["cpu_ms"] / 1000, PARALLEL.get(function, 1))


@dataclass(frozen=True)
class Needed:
    """Concurrent executions of one function."""

    function: str
    present: int | None
    """``MaximumConcurrency`` of its mapping. None without a limit of its own."""
    batch: int
    seconds: float
    """Of a full batch, or of a call."""
    per_image: int
    """Messages or calls per image."""

    def at(self, images: float) -> int:
        """Return the executions that ``images`` per second need."""
        return concurrency_for(images, self.batch, self.seconds, self.per_image)

    @property
    def per_rate(self) -> float:
        """Executions per image per second."""
        return self.per_image / self.batch * self.seconds


def needed(settings: Settings) -> list[Needed]:
    """Return the functions on the way of an image with their executions."""
    found = [
        Needed(name, None, 1, work_of(name).seconds(settings.memory_mb[name]), LOAD["http_calls"])
        for name in ("accounts-authorizer", "intake-api")
    ]
    relay = work_of("intake-relay")
    batch = settings.relay_batch
    seconds = batch_seconds(relay, batch, settings.memory_mb["intake-relay"])
    found.append(Needed("intake-relay", None, batch, seconds, 1 + STATUS_CHANGES))
    for consumer in _used(settings):
        seconds = batch_seconds(work_of(consumer.name), consumer.batch, settings.memory_mb[consumer.name])
        found.append(Needed(consumer.name, consumer.concurrency, consumer.batch, seconds, consumer.messages))
    return found


def limits(settings: Settings) -> list[Limit]:
    """Return everything that bounds the rate, the lowest bound first; unknown ones last."""
    found = [*_settings(settings), *_hot_keys(settings), *_quotas(settings)]
    return sorted(found, key=lambda limit: (limit.rate is None, limit.rate))


def _used(settings: Settings) -> list[Consumer]:
    return [consumer for consumer in settings.consumers.values() if consumer.messages]


def _settings(settings: Settings) -> Iterator[Limit]:
    calls = LOAD["http_calls"]
    yield Limit(
        "HTTP API, throttling of the stage",
        "setting",
        settings.api_calls / calls,
        f"{calls} calls per image, of {settings.api_calls} per second",
        "`DefaultRouteSettings` of `HttpApiStage` in `template.yaml`, up to the account's quota.",
    )
    for function in needed(settings):
        if function.present is None:
            continue
        rate = consumer_rate(function.present, function.batch, function.seconds, function.per_image)
        service, _, step = function.function.partition("-")
        yield Limit(
            f"{service}.{step}, concurrency",
            "setting",
            rate,
            f"{_times(function.per_image, 'message')} per image, {function.seconds:.2f} s for a batch of "
            f"{function.batch}, {function.present} batches at a time",
            f"`MaximumConcurrency` in `services/{service}/template.yaml`, up to "
            f"{quota('lambda_mapping_concurrency'):,.0f}.",
        )
    relay = next(function for function in needed(settings) if function.function == "intake-relay")
    shards = round(quota("dynamodb_new_table_writes") / quota("dynamodb_partition_writes"))
    yield Limit(
        "intake.relay, stream of a new table",
        "setting",
        consumer_rate(settings.relay_parallel * shards, relay.batch, relay.seconds, relay.per_image),
        f"{relay.per_image} records per image, {relay.seconds:.2f} s for a batch of {relay.batch}, "
        f"{settings.relay_parallel} at a time in each of {shards} shards (inferred: one per partition that a new table "
        "needs for its writes)",
        "`ParallelizationFactor` of `relayStream`, up to 10; records of one request stay in order. A table that has "
        "grown has more shards.",
    )


def _hot_keys(settings: Settings) -> Iterator[Limit]:
    writes, reads = quota("dynamodb_partition_writes"), quota("dynamodb_partition_reads")
    record = settings.consumers["analytics-record"]
    transactions = record.messages / record.batch * math.ceil(record.batch / REQUESTS_MAX)
    day = write_units(full_day_bytes(), transaction=True)
    yield Limit(
        "analytics: counters of a day",
        "hot key",
        key_rate(writes, transactions * day, COUNTER_SHARDS),
        f"{transactions:g} transactions per image, {day} units each ({full_day_bytes():,} bytes), "
        f"{COUNTER_SHARDS} shards",
        "`SHARDS` in `services/analytics/repository/counters.py`, and a rebuild (ADR 24).",
    )
    yield Limit(
        "generation: counter of the daily budget",
        "hot key",
        key_rate(writes, LOAD["budget_units"]),
        f"{LOAD['budget_units']} unit per image, one item per day",
        "Reserve for several images at once in each execution environment. Without a daily budget, nothing is counted.",
    )
    yield Limit(
        "intake: index `open`",
        "hot key",
        key_rate(writes, 2, OPEN_SHARDS),
        f"an entry is added and removed, {OPEN_SHARDS} shards",
        "`SHARDS` in `services/intake/repository/requests.py`. Requests keep the shard with which they were written.",
    )
    yield Limit(
        "intake: index `by-owner`, one owner",
        "hot key",
        key_rate(writes, 1),
        "1 unit per image: a change of the status does not write the entry",
        "Divide the load among several owners. By default, a key may create 100 images in 15 minutes.",
    )
    yield Limit(
        "intake: rate window, one key",
        "hot key",
        key_rate(writes, 1),
        "1 unit per request",
        "Divide the load among several keys.",
    )
    entry = write_units(LOAD["gallery_entry_bytes"])
    yield Limit(
        "storage: index `by-owner`, one owner",
        "hot key",
        key_rate(writes, entry),
        f"{_times(entry, 'unit')} per image with a prompt of 100 characters; long prompts need more",
        "Divide the load among several owners.",
    )
    yield Limit(
        "notifications: connections and webhooks, one owner",
        "hot key",
        key_rate(reads, STATUS_CHANGES),
        f"{STATUS_CHANGES} consistent reads per image",
        "Divide the load among several owners.",
    )


def _quotas(settings: Settings) -> Iterator[Limit]:
    calls, pushes = LOAD["http_calls"], STATUS_CHANGES
    yield Limit(
        "API Gateway, account",
        "quota",
        quota("api_gateway_requests") / (calls + pushes),
        f"{calls} calls and, with an open WebSocket, {pushes} pushes per image",
        _raise("api_gateway_requests"),
    )
    yield Limit(
        "EventBridge, PutEvents",
        "quota",
        quota("eventbridge_put_events") / len(EVENTS),
        f"{len(EVENTS)} events per image, in the worst case each in a request of its own",
        _raise("eventbridge_put_events"),
    )
    sent = invocations_of_rules(_used(settings))
    yield Limit(
        "EventBridge, invocations",
        "quota",
        quota("eventbridge_invocations") / sent,
        f"{sent} events per image sent to queues; the archive is not included",
        _raise("eventbridge_invocations"),
    )
    executions = sum(function.per_rate for function in needed(settings))
    yield Limit(
        "Lambda, concurrency of the account",
        "quota",
        quota("lambda_concurrency") / executions,
        f"{executions:.2f} executions per image per second, if every concurrency is raised",
        _raise("lambda_concurrency"),
    )
    yield Limit(
        "SQS, messages in flight during an outage",
        "quota",
        quota("sqs_in_flight") / RETRY_WINDOW,
        f"each message is retried for {RETRY_WINDOW // 60} minutes; nothing is lost above, the rest waits in the queue",
        _raise("sqs_in_flight"),
    )
    for table, units in LOAD["write_units"].items():
        for name, state in (("dynamodb_new_table_writes", "new"), ("dynamodb_table_writes", "grown")):
            yield Limit(
                f"DynamoDB, table `{table}`, {state}",
                "quota",
                quota(name) / units,
                f"{units} write units per image, indexes included",
                _raise(name),
            )
    puts = LOAD["gallery_puts"]
    yield Limit(
        "S3, files of the gallery",
        "quota",
        quota("s3_puts") / puts,
        f"{puts} files per image, all in one partition in the worst case",
        _raise("s3_puts"),
    )
    logged = sum(function.per_image / function.batch for function in needed(settings))
    yield Limit(
        "CloudWatch Logs",
        "quota",
        quota("logs_puts") / logged,
        f"{logged:.1f} invocations per image; assumed: Lambda delivers the lines of each in one request",
        _raise("logs_puts"),
    )
    yield Limit(
        "Rekognition",
        "quota",
        quota("rekognition"),
        "1 call per image, with `ImageCheck` on",
        _raise("rekognition"),
    )
    yield Limit("Bedrock, image model", "quota", None, "1 call per image", _raise("bedrock_image"), per_minute=60)
    tokens = LOAD["moderation_tokens"]
    yield Limit(
        "Bedrock, moderation model",
        "quota",
        None,
        f"{tokens:,} tokens per image",
        _raise("bedrock_claude"),
        per_minute=60 * tokens,
    )


def _times(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def _raise(name: str) -> str:
    adjustable: Mapping[str, str] = {
        "yes": "Adjustable: request an increase.",
        "no": "Not adjustable.",
        "pre-warm the table": "Pre-warm the table.",
        "unknown": "Whether it is adjustable was not found.",
    }
    answer: str = QUOTAS["quotas"][name]["adjustable"]
    return adjustable.get(answer, f"Adjustable: {answer}.")
