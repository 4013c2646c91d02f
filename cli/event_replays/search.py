"""Read the bus's archive: replay a period of it into a queue that exists only for that."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from cli.connection import Connection
from cli.event_replays.gateways import EventBridgeReplays
from cli.event_replays.logic import FINISHED, Rule, Window

EVENTS_MAX: Final = 50_000
"""Events per run. A longer period has to be read in parts."""
SECONDS_MAX: Final = 900.0
LONG_POLL_SECONDS: Final = 2
SETTLED_POLLS: Final = 3
"""Empty receive calls after the end of the replay before the queue counts as empty."""


class UnfinishedError(Exception):
    """Not everything was read. The text says why."""


@dataclass(frozen=True)
class ArchiveReader:
    """Reads archived events with their raw content."""

    connection: Connection

    def events(self, window: Window) -> Iterator[tuple[str, str]]:
        """Yield id and content of every archived event of a period, in any order and at least once.

        Raise ``UnfinishedError`` after ``EVENTS_MAX`` events or ``SECONDS_MAX`` seconds, or if the replay fails.
        """
        replays = EventBridgeReplays(self.connection.client("events"), self.connection.target.bus_name)
        archives = [archive for archive in replays.archives() if archive.state == "ENABLED"]
        for archive in archives:
            with self._queue() as (rule, url):
                replays.start(rule.name, archive, rule, window)
                yield from self._read(replays, rule.name, url)

    def _read(self, replays: EventBridgeReplays, name: str, url: str) -> Iterator[tuple[str, str]]:
        sqs, until = self.connection.client("sqs"), time.monotonic() + SECONDS_MAX
        count = empty = 0
        while empty < SETTLED_POLLS:
            if time.monotonic() > until or count >= EVENTS_MAX:
                raise UnfinishedError(f"{count} archived events were read, more are left: search a shorter period")
            is_finished = replays.show(name).state in FINISHED
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=LONG_POLL_SECONDS)
            messages: Any = answer.get("Messages", [])
            empty = empty + 1 if is_finished and not messages else 0
            for message in messages:
                event = json.loads(message["Body"])
                if event.get("replay-name") == name:  # events of now arrive, too
                    count += 1
                    yield event["id"], message["Body"]
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if replays.show(name).state != "COMPLETED":
            raise UnfinishedError(f"the replay {name} ended as {replays.show(name).state}")

    @contextmanager
    def _queue(self) -> Iterator[tuple[Rule, str]]:
        """Create a rule that fills a queue, and delete both at the end."""
        sqs, events = self.connection.client("sqs"), self.connection.client("events")
        name, bus = f"{self.connection.target.prefix}-archive-{uuid4().hex[:12]}", self.connection.target.bus_name
        url = sqs.create_queue(QueueName=name, Attributes={"SqsManagedSseEnabled": "true"})["QueueUrl"]
        try:
            queue_arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            pattern = json.dumps({"source": [{"prefix": "genai-images."}]})
            rule_arn = events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)["RuleArn"]
            try:
                sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _policy(queue_arn, rule_arn)})
                events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": queue_arn}])
                yield Rule(name, rule_arn, enabled=True, targets=1), url
            finally:
                events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
                events.delete_rule(Name=name, EventBusName=bus)
        finally:
            sqs.delete_queue(QueueUrl=url)


def _policy(queue_arn: str, rule_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def period_until(start: datetime, now: datetime) -> Window:
    """Return the period from ``start`` until now. Times of events are rounded down to seconds."""
    return Window(start.replace(microsecond=0), now)
