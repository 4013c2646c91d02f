"""Step analytics.record: archives and counts every event."""

from datetime import timedelta

import boto3

from kit.consumer import WholeBatch, sqs_consumer
from services.analytics.figures import emit
from services.analytics.repository.archive import EventArchive
from services.analytics.repository.counters import CounterTable
from services.analytics.service import Recorder
from services.analytics.settings import RecordSettings

settings = RecordSettings.load()
recorder = Recorder(
    EventArchive(boto3.client("s3"), settings.archive_bucket_name),
    CounterTable(boto3.client("dynamodb"), settings.table_name),
    on_counted=emit,
    retention=timedelta(days=settings.ledger_retention_days),
)

handler = sqs_consumer("analytics.record", None, WholeBatch(recorder.record))
