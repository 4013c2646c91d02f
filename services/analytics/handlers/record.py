"""Step analytics.record: archives and counts every event."""

import boto3

from kit.consumer import WholeBatch, sqs_consumer
from kit.secrets import CachedKeyring
from services.analytics.figures import emit
from services.analytics.repository.archive import EventArchive
from services.analytics.repository.counters import CounterTable
from services.analytics.service import Recorder
from services.analytics.settings import RecordSettings

settings = RecordSettings.load()
recorder = Recorder(
    EventArchive(
        boto3.client("s3"),
        settings.archive_bucket_name,
        CachedKeyring(boto3.client("secretsmanager"), settings.prompt_hash_key_id).current,
    ),
    CounterTable(boto3.client("dynamodb"), settings.table_name),
    on_counted=emit,
)

handler = sqs_consumer("analytics.record", None, WholeBatch(recorder.record))
