"""Answers the events of privacy: deletes an owner with all keys, or exports them."""

import boto3

from events.catalog.erasure_started import ErasureStarted
from events.catalog.export_started import ExportStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.exporting import ExportBucket, Exporter, answers
from services.accounts.erasure import OwnerEraser, PreferenceErasure
from services.accounts.exporting import OwnerExport
from services.accounts.repository.erasure import OwnerErasureTable
from services.accounts.repository.keys import KeyTable
from services.accounts.settings import EraseSettings

settings = EraseSettings.load()
client = boto3.client("dynamodb")
owners, keys = OwnerErasureTable(client, settings.table_name), KeyTable(client, settings.table_name)
clock = SystemClock()


def copies() -> PreferenceErasure | None:
    """Return the copies in the cache, if there is one."""
    if not settings.cache_address:
        return None
    from kit.cache import connected  # noqa: PLC0415 - only if there is a cache
    from services.accounts.repository.cached import PreferenceCopies  # noqa: PLC0415

    return PreferenceCopies(connected(settings.cache_address, settings.cache_name), clock)


export = OwnerExport(keys.owners, owners, keys, clock)
handler = sqs_consumer(
    "accounts.erase",
    [ErasureStarted, ExportStarted],
    EachMessage(
        answers(
            erase=OwnerEraser(owners, copies()).erase,
            export=Exporter(
                "accounts", export.read, ExportBucket(boto3.client("s3"), settings.exports_bucket_name)
            ).export,
        )
    ),
)
