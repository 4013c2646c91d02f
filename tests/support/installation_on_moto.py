"""The tables, buckets and queues of one installation on moto, filled by the services that own them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import boto3

from events.catalog.image_generated import ImageGenerated
from events.catalog.image_stored import ImageStored
from events.envelope import Event
from services.generation.models import Lease, RecordedOutcome
from services.generation.repository.ledger import DynamoLedger
from services.intake.creation import new_state
from services.intake.repository.requests import RequestTable
from services.intake.tracking import add_event
from services.storage.models import Entry
from services.storage.repository.gallery import DynamoGallery
from tests.support.events import eventbridge_body, sample
from tests.support.sealing import SAMPLE_TEXTS, create_owner_keys

PREFIX = "genai-images-test"
REGION = "us-east-1"
RAW = "eb104b5fe902a4f2895fbb5e797c3014d9f467c93c7371444669f014d340112f"
GALLERY = f"{PREFIX}-gallery-123456789012-{REGION}"
HANDOFF = f"{PREFIX}-handoff-123456789012-{REGION}"
STORY = ("PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored")
QUEUES = ("moderation-prompt", "generation-generate", "moderation-image", "storage-store", "intake-track")


class Installation:
    """It is written with the adapters of the services, so that tests read real data."""

    def __init__(self, template: Any) -> None:
        self.dynamodb: Any = boto3.client("dynamodb")
        self.s3: Any = boto3.client("s3")
        self.sqs: Any = boto3.client("sqs")
        for table, service, resource in (
            ("requests", "intake", "Requests"),
            ("gallery", "storage", "GalleryTable"),
            ("generation", "generation", "Table"),
            ("operations", "operations", "Operations"),
        ):
            properties = template(service)["Resources"][resource]["Properties"]
            keys = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            shape = {key: properties[key] for key in keys if key in properties}
            self.dynamodb.create_table(TableName=f"{PREFIX}-{table}", **shape)
        create_owner_keys(self.dynamodb, f"{PREFIX}-owner-keys", "demo")
        for bucket in (GALLERY, HANDOFF):
            self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=GALLERY, VersioningConfiguration={"Status": "Enabled"})
        for name in QUEUES:
            self.sqs.create_queue(QueueName=f"{PREFIX}-{name}")
            self.sqs.create_queue(QueueName=f"{PREFIX}-{name}-dlq")
        self.requests = RequestTable(self.dynamodb, f"{PREFIX}-requests")
        self.ledger = DynamoLedger(self.dynamodb, f"{PREFIX}-generation")
        self.catalog = DynamoGallery(self.dynamodb, f"{PREFIX}-gallery")

    def create_request(
        self, number: int = 0, *, until: str = "ImageStored", ago: timedelta = timedelta(minutes=1)
    ) -> str:
        """Create a request with its events up to ``until``; return its id."""
        accepted_at = datetime.now(UTC) - ago
        request_id = request_made(accepted_at, number)
        parameters: Any = sample("ImageRequested").data.parameters
        request, state = new_state(request_id, "demo", parameters, accepted_at)
        self.requests.create([(request, state)])
        cause = request.metadata.event_id
        for position, name in enumerate(STORY[: STORY.index(until) + 1] if until in STORY else ()):
            golden = sample(name).model_dump_json().replace(sample(name).metadata.request_id, request_id)
            golden = re.sub("/0-[0-9a-f]{64}/", f"/0-{RAW}/", golden)  # the folder of the image's files
            event: Event = type(sample(name)).model_validate_json(golden)
            moment = accepted_at + timedelta(seconds=position + 1)
            event = type(event).follow(
                event.metadata.model_copy(update={"event_id": cause, "occurred_at": moment - timedelta(seconds=1)}),
                event.data,
                occurred_at=moment,
            )
            cause = event.metadata.event_id
            if isinstance(event, ImageGenerated):
                self._pay(event, moment)
            if isinstance(event, ImageStored):
                self._store(event)
            add_event(self.requests, event)
        return request_id

    def _pay(self, event: ImageGenerated, moment: datetime) -> None:
        outcome = event.data.outcomes[0]
        request_id = event.metadata.request_id
        self.ledger.claim(request_id, 1, Lease("one", moment, moment + timedelta(minutes=6)), 5)
        self.ledger.record(request_id, RecordedOutcome(outcome, moment))
        assert outcome.image is not None
        self.s3.put_object(Bucket=HANDOFF, Key=outcome.image.key, Body=b"raw")

    def _store(self, event: ImageStored) -> None:
        parameters: Any = sample("ImageRequested").data.parameters
        entries = [
            Entry.model_validate(
                {
                    **image.model_dump(),
                    "request_id": event.metadata.request_id,
                    "owner": "demo",
                    "created_at": event.metadata.occurred_at,
                    "prompt": SAMPLE_TEXTS.prompt,
                    "quality": parameters.quality,
                }
            )
            for image in event.data.images
        ]
        self.catalog.add(entries)
        for entry in entries:
            for variant in entry.variants:
                self.s3.put_object(Bucket=GALLERY, Key=variant.key, Body=b"x" * variant.bytes)

    def dead_letter(self, queue: str, body: Event | str) -> None:
        """Dead-letter a body."""
        url = self.sqs.get_queue_url(QueueName=f"{PREFIX}-{queue}-dlq")["QueueUrl"]
        self.sqs.send_message(QueueUrl=url, MessageBody=body if isinstance(body, str) else eventbridge_body(body))

    def change(self, request_id: str, expression: str, **values: Any) -> None:
        """Change a request's state directly in the table."""
        more = {"ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in values.items()}}
        self.dynamodb.update_item(
            TableName=f"{PREFIX}-requests",
            Key={"pk": {"S": f"REQUEST#{request_id}"}, "sk": {"S": "STATE"}},
            UpdateExpression=expression,
            **(more if values else {}),
        )


def request_made(at: datetime, number: int) -> str:
    """Return the id of a request of that time."""
    milliseconds = int(at.timestamp() * 1000)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | 0b10 << 62 | number))
