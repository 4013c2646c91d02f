"""The readiness probes on AWS."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.config import Config

from kit.dynamodb import from_item
from services.operations.dead_letters.ports import Counts
from services.operations.dead_letters.repository import SqsQueues
from services.operations.health import PARALLEL_PROBES, Shed
from services.operations.settings import ApiSettings

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

SERVING: Final = frozenset({"ACTIVE", "UPDATING"})
"""States of a usable table."""
METRIC_PAST: Final = timedelta(minutes=5)
"""CloudWatch reports the age of a queue once per minute, with a short delay."""


class NotServingError(Exception):
    """The dependency exists but is not ready."""


class AwsProbes:
    """Implements ``Probes``."""

    def __init__(
        self,
        settings: ApiSettings,
        *,
        dynamodb: "DynamoDBClient",
        events: "EventBridgeClient",
        s3: "S3Client",
        sqs: "SQSClient",
        cloudwatch: "CloudWatchClient",
        secrets: "SecretsManagerClient",
    ) -> None:
        self._settings = settings
        self._dynamodb = dynamodb
        self._events = events
        self._s3 = s3
        self._sqs = sqs
        self._cloudwatch = cloudwatch
        self._secrets = secrets
        self._queues = SqsQueues(sqs, settings.prefix)
        self._urls: dict[str, str] = {}

    @classmethod
    def connect(cls, settings: ApiSettings) -> Self:
        """Return probes whose calls, with one retry, end within the monitor's timeout."""
        config = Config(
            connect_timeout=1,
            read_timeout=1.4,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=PARALLEL_PROBES,
        )
        return cls(
            settings,
            dynamodb=boto3.client("dynamodb", config=config),
            events=boto3.client("events", config=config),
            s3=boto3.client("s3", config=config),
            sqs=boto3.client("sqs", config=config),
            cloudwatch=boto3.client("cloudwatch", config=config),
            secrets=boto3.client("secretsmanager", config=config),
        )

    def dependencies(self) -> Mapping[str, Callable[[], object]]:
        """Return functions by name that raise if the dependency is unavailable."""
        return {
            "requests table": lambda: self._table(self._settings.requests_table),
            "accounts table": lambda: self._table(self._name("accounts")),
            "gallery table": lambda: self._table(self._name("gallery")),
            "event bus": lambda: self._events.describe_event_bus(Name=self._settings.event_bus_name),
            "hand-off bucket": lambda: self._s3.head_bucket(Bucket=self._settings.handoff_bucket_name),
            "gallery bucket": lambda: self._s3.head_bucket(Bucket=self._settings.gallery_bucket_name),
            "secret of API keys": lambda: self._secrets.describe_secret(SecretId=self._name("accounts-key-hashing")),
        }

    def _table(self, name: str) -> None:
        answer = self._dynamodb.describe_table(TableName=name)
        if (status := answer["Table"]["TableStatus"]) not in SERVING:
            raise NotServingError(status)

    def counts(self, queue: str) -> Counts:
        """Return the numbers of messages in a queue, by its name without the prefix."""
        if queue not in self._urls:
            self._urls[queue] = self._sqs.get_queue_url(QueueName=self._name(queue))["QueueUrl"]
        return self._queues.counts(self._urls[queue])

    def ages(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return the age in seconds of the oldest message per queue, if CloudWatch reports one, in one call.

        SQS does not report it without receiving the message.
        """
        now = datetime.now(UTC)
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": f"q{position}",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/SQS",
                            "MetricName": "ApproximateAgeOfOldestMessage",
                            "Dimensions": [{"Name": "QueueName", "Value": self._name(queue)}],
                        },
                        "Period": 60,
                        "Stat": "Maximum",
                    },
                }
                for position, queue in enumerate(queues)
            ],
            StartTime=now - METRIC_PAST,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
        newest = {result["Id"]: result["Values"][0] for result in answer["MetricDataResults"] if result["Values"]}
        return {queue: int(newest[f"q{at}"]) for at, queue in enumerate(queues) if newest.get(f"q{at}")}

    def stopped(self) -> str:
        """Return since when and why an operator has stopped writes, from intake's signals (ADR 5, ADR 36)."""
        answer = self._dynamodb.get_item(
            TableName=self._settings.requests_table,
            Key={"pk": {"S": "SIGNALS"}, "sk": {"S": "NOW"}},
            ProjectionExpression="writes_stopped",
        )
        found: Any = from_item(answer.get("Item", {})).get("writes_stopped")
        return f"since {found['since']}: {found['reason']}" if found else ""

    def active_elsewhere(self) -> str:
        """Return the active region if it is another one, from intake's signals (ADR 5, ADR 40), or ""."""
        answer = self._dynamodb.get_item(
            TableName=self._settings.requests_table,
            Key={"pk": {"S": "SIGNALS"}, "sk": {"S": "REGION"}},
            ProjectionExpression="active_region",
        )
        active = answer.get("Item", {}).get("active_region", {}).get("S", "")
        return "" if active == self._dynamodb.meta.region_name else active

    def shed(self) -> Shed | None:
        """Return whose requests are refused because too many wait, from intake's signals (ADR 5, ADR 44), or None."""
        answer = self._dynamodb.get_item(
            TableName=self._settings.requests_table,
            Key={"pk": {"S": "SIGNALS"}, "sk": {"S": "SHED"}},
            ProjectionExpression="shed",
        )
        found: Any = from_item(answer.get("Item", {})).get("shed")
        if not found or datetime.fromisoformat(found["until"]) <= datetime.now(UTC):
            return None
        return Shed(found["up_to"], found["step"], int(found["seconds"]))

    def _name(self, queue: str) -> str:
        return f"{self._settings.prefix}-{queue}"
