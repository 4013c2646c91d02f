"""RequestCancelled and RequestExpired in: what was taken back is not paid for any more."""

from collections.abc import Sequence
from typing import Final

import boto3

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from kit.runtime import consumer
from services.generation.adapters import DynamoGuard
from services.generation.settings import GuardSettings

_guard: Final = DynamoGuard(boto3.client("dynamodb"), GuardSettings.load().table_name)


def _bury(event: RequestCancelled | RequestExpired) -> Sequence[Event]:
    _guard.bury(event.metadata.request_id, event.metadata.occurred_at)
    return []


handler: Final = consumer(step="generation.tombstones", accepts=[RequestCancelled, RequestExpired], handle=_bury)
