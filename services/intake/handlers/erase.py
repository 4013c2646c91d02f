"""Answers the events of privacy: erases requests, or exports them."""

from datetime import timedelta

import boto3

from events.catalog.erasure_started import ErasureStarted
from events.catalog.export_started import ExportStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.exporting import ExportBucket, Exporter, answers
from kit.sealing import OwnerKeyTable, Sealer
from services.intake.erasure import RequestEraser
from services.intake.exporting import RequestExport
from services.intake.repository.erasure import ErasureTable
from services.intake.repository.exporting import ExportTable
from services.intake.repository.requests import RequestTable
from services.intake.service import RequestService
from services.intake.settings import EraseSettings

settings = EraseSettings.load()
client, clock = boto3.client("dynamodb"), SystemClock()
requests = RequestService(RequestTable(client, settings.table_name), clock)
kept = timedelta(days=settings.ledger_retention_days)
eraser = RequestEraser(ErasureTable(client, settings.table_name, kept), requests, clock, kept)
sealer = Sealer(OwnerKeyTable(client, settings.owner_keys_table_name))
exporter = Exporter(
    "intake",
    RequestExport(ExportTable(client, settings.table_name), sealer).read,
    ExportBucket(boto3.client("s3"), settings.exports_bucket_name),
)

handler = sqs_consumer(
    "intake.erase",
    [ErasureStarted, ExportStarted],
    EachMessage(answers(erase=eraser.erase, export=exporter.export)),
)
