"""Answers the events of privacy: deletes an owner with all keys, or exports them."""

import boto3

from events.catalog.erasure_started import ErasureStarted
from events.catalog.export_started import ExportStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.exporting import ExportBucket, Exporter, answers
from services.accounts.erasure import OwnerEraser
from services.accounts.exporting import OwnerExport
from services.accounts.repository.erasure import OwnerErasureTable
from services.accounts.repository.keys import KeyTable
from services.accounts.settings import EraseSettings

settings = EraseSettings.load()
client = boto3.client("dynamodb")
owners, keys = OwnerErasureTable(client, settings.table_name), KeyTable(client, settings.table_name)
export = OwnerExport(keys.owners, owners, keys, SystemClock())
handler = sqs_consumer(
    "accounts.erase",
    [ErasureStarted, ExportStarted],
    EachMessage(
        answers(
            erase=OwnerEraser(owners).erase,
            export=Exporter(
                "accounts", export.read, ExportBucket(boto3.client("s3"), settings.exports_bucket_name)
            ).export,
        )
    ),
)
