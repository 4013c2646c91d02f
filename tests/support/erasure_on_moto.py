"""An installation on moto with the erasing steps of all services, and a bus that delivers between them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from events.catalog.data_erased import DataErased
from events.catalog.data_exported import DataExported
from events.catalog.erasure_started import ErasureStarted
from events.catalog.export_collected import ExportCollected
from events.catalog.export_ready import ExportReady
from events.catalog.export_started import ExportStarted
from events.envelope import Event
from events.exporting import EXPORTERS
from kit.errors import InProgressError
from kit.sealing import OwnerKeyTable
from services.accounts.consent import Consent, Versions
from services.accounts.erasure import OwnerEraser
from services.accounts.keys import Key
from services.accounts.repository.erasure import OwnerErasureTable
from services.accounts.repository.keys import KeyTable
from services.generation.erasure import GenerationEraser
from services.generation.repository.handoff import S3RawImages
from services.intake.erasure import RequestEraser
from services.intake.repository.erasure import ErasureTable as RequestErasureTable
from services.intake.service import RequestService
from services.moderation.erasure import VerdictEraser
from services.moderation.repository import VerdictErasureTable
from services.notifications.erasure import SubscriberEraser
from services.notifications.repository.connections import ConnectionTable
from services.notifications.repository.erasure import SubscriberErasureTable
from services.notifications.repository.webhooks import WebhookTable
from services.operations.dead_letters.repository import NamedQueues, QuarantineTable
from services.operations.erasure import MessageEraser
from services.privacy.exports import ExportCollector
from services.privacy.gateways import S3Exports
from services.privacy.platform import FLOW_LOGS, REFUSED_CALLS, SOCKET_LOGS, WORKER_LOGS, Retentions, remains
from services.privacy.repository.erasures import ErasureTable
from services.privacy.repository.exports import ExportTable
from services.privacy.service import Collector, Erasures, Sweeper
from services.storage.erasure import ImageEraser
from services.storage.repository.files import S3GalleryFiles
from services.storage.repository.index import DynamoGalleryIndex
from tests.support.clock import FakeClock
from tests.support.installation_on_moto import GALLERY, HANDOFF, PREFIX, QUEUES, REGION, Installation
from tests.support.templates import ROOT
from tools.docs.privacy import stores

TABLES = (
    ("accounts", "accounts", "Accounts"),
    ("moderation-verdicts", "moderation", "Verdicts"),
    ("notifications", "notifications", "Notifications"),
    ("privacy", "privacy", "Erasures"),
)
EXPORTS = f"{PREFIX}-exports-123456789012-{REGION}"
SHAPE = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
KEPT = timedelta(days=60)
RETENTIONS = Retentions(
    logs=timedelta(days=30),
    optional_logs=frozenset({FLOW_LOGS, REFUSED_CALLS, SOCKET_LOGS, WORKER_LOGS}),
    backups=timedelta(days=35),
    has_vault=True,
    versions=timedelta(days=7),
    has_replica=True,
    event_archive=timedelta(days=30),
    ledgers=timedelta(days=60),
    lake=timedelta(0),
    receipts=timedelta(days=400),
    cloud_trail=timedelta(days=365),
)


class FakeSockets:
    """A gateway that records the connections that were closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def close(self, connection_id: str) -> None:
        """Record the connection."""
        self.closed.append(connection_id)


class FakeCdn:
    """A CDN that records what was invalidated."""

    def __init__(self) -> None:
        self.invalidated: set[str] = set()

    def invalidate(self, keys: Sequence[str], reference: str) -> None:
        """Record the keys."""
        self.invalidated |= set(keys)


class Bus:
    """Delivers events of privacy to every step, in any order that ``choose`` makes of those that wait."""

    def __init__(self, steps: dict[str, Callable[[Any], Sequence[Event]]]) -> None:
        self.steps = steps
        self.waiting: list[tuple[str, Event]] = []
        self.published: list[Event] = []
        self.lost: Callable[[str, Event], bool] = lambda _step, _event: False

    def publish(self, events: Sequence[Event]) -> None:
        """Let every event wait for each step that consumes it."""
        self.published += events
        for event in events:
            self.waiting += [(step, event) for step in self._consumers(event) if not self.lost(step, event)]

    def deliver(self, *, choose: Callable[[int], int] = lambda _waiting: 0, twice: bool = False) -> None:
        """Deliver until nothing waits. Each message is a new object, as if it came from a queue."""
        while self.waiting:
            step, event = self.waiting.pop(choose(len(self.waiting)))
            kind = type(event)
            copy = kind.model_validate_json(event.model_dump_json())
            for _ in range(1 + twice):
                try:
                    self.publish(self.steps[step](copy))
                except InProgressError:
                    self.waiting.append((step, event))

    def _consumers(self, event: Event) -> list[str]:
        match event:
            case DataErased() | DataExported():
                return ["privacy"]
            case ExportStarted():
                return [step for step in self.steps if step in EXPORTERS]
            case ExportCollected():
                return ["build"]
            case ExportReady():
                return []
        return [step for step in self.steps if step != "build"]


class ErasingInstallation(Installation):
    """All services that erase, with one clock."""

    def __init__(self, template: Any) -> None:
        super().__init__(template)
        for table, service, resource in TABLES:
            properties = template(service)["Resources"][resource]["Properties"]
            shape = {key: properties[key] for key in SHAPE if key in properties}
            self.dynamodb.create_table(TableName=f"{PREFIX}-{table}", **shape)
        self.clock = FakeClock(datetime.now(UTC))
        self.sockets, self.cdn = FakeSockets(), FakeCdn()
        self.keys = KeyTable(self.dynamodb, f"{PREFIX}-accounts")
        self.owner_keys = OwnerKeyTable(self.dynamodb, f"{PREFIX}-owner-keys")
        self.webhooks = WebhookTable(self.dynamodb, f"{PREFIX}-notifications")
        self.connections = ConnectionTable(self.dynamodb, f"{PREFIX}-notifications")
        names = sorted(store.name for store in stores(ROOT) if store.name.endswith("-dlq"))
        queue_names = [name.removesuffix("-dlq").replace("/", "-") for name in names]
        for name in set(queue_names) - set(QUEUES):
            self.sqs.create_queue(QueueName=f"{PREFIX}-{name}")
            self.sqs.create_queue(QueueName=f"{PREFIX}-{name}-dlq")
        queues = NamedQueues(self.sqs, PREFIX, queue_names)
        self.quarantine = QuarantineTable(self.dynamodb, f"{PREFIX}-operations", queues.pairs)
        self.erasure_table = ErasureTable(self.dynamodb, f"{PREFIX}-privacy")
        requests = RequestService(self.requests, self.clock)
        images = ImageEraser(
            DynamoGalleryIndex(self.dynamodb, f"{PREFIX}-gallery"),
            self.catalog,
            S3GalleryFiles(self.s3, GALLERY),
            self.cdn,
            self.clock,
            KEPT,
        )
        ledger = GenerationEraser(self.ledger, S3RawImages(self.s3, HANDOFF), self.clock, KEPT)
        self.s3.create_bucket(Bucket=EXPORTS)
        self.export_table = ExportTable(self.dynamodb, f"{PREFIX}-privacy")
        self.export_objects = S3Exports(self.s3, EXPORTS, GALLERY)
        self.export_collector = ExportCollector(self.export_table, self.export_objects, self.clock)
        collector = Collector(
            self.erasure_table,
            self.owner_keys,
            self.export_collector,
            partial(remains, retentions=RETENTIONS),
            self.clock,
        )
        self.requests_eraser = RequestEraser(
            RequestErasureTable(self.dynamodb, f"{PREFIX}-requests"), requests, self.clock, KEPT
        )
        self.bus = Bus(
            {
                "accounts": OwnerEraser(OwnerErasureTable(self.dynamodb, f"{PREFIX}-accounts")).erase,
                "generation": ledger.erase,
                "intake": self.requests_eraser.erase,
                "moderation": VerdictEraser(VerdictErasureTable(self.dynamodb, f"{PREFIX}-moderation-verdicts")).erase,
                "notifications": SubscriberEraser(
                    SubscriberErasureTable(self.dynamodb, f"{PREFIX}-notifications"), self.sockets, self.clock
                ).erase,
                "operations": MessageEraser(self.quarantine, queues, self.clock.now, timedelta(days=365)).erase,
                "privacy": collector.collect,
                "storage": images.erase,
            }
        )
        self.erasures = Erasures(self.erasure_table, self.bus, self.clock)
        self.sweeper = Sweeper(self.erasure_table, self.bus, self.clock)

    def add_key(self, key_id: str, owner_id: str, name: str) -> None:
        """Add a key of an owner, and the owner with preferences and a consent."""
        now = self.clock.now()
        owner = self.keys.owner_named(name, now)
        if owner.changes == 0:
            owner = replace(owner, owner_id=owner_id)
        self.keys.add(Key(key_id, "digest", owner_id, "test", ("images:read",), 10, 60, now), owner)
        self.keys.owners.replace_preferences(owner_id, {"theme": "dark"}, None)
        self.keys.owners.give_consent(owner_id, Consent(Versions("2026-11-28", "2026-11-28"), now, key_id))

    def raw_items(self, table: str) -> list[str]:
        """Return every item of a table as text."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=f"{PREFIX}-{table}")
        return [str(item) for page in pages for item in page["Items"]]

    def objects(self, bucket: str) -> list[str]:
        """Return the keys of all objects of a bucket."""
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def started(self) -> list[ErasureStarted]:
        """Return the events that were published so far and start something."""
        return [event for event in self.bus.published if isinstance(event, ErasureStarted)]
