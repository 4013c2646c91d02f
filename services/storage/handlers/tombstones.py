"""RequestCancelled, RequestExpired → a tombstone in the catalog."""

import boto3

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from kit.runtime import consumer
from services.storage.adapters.catalog import GalleryCatalog
from services.storage.service import tombstone
from services.storage.settings import CatalogSettings

_catalog = GalleryCatalog(boto3.client("dynamodb"), CatalogSettings.load().table_name)


def _bury(event: RequestCancelled | RequestExpired) -> list[Event]:
    _catalog.bury(tombstone(event))
    return []


handler = consumer(step="storage.tombstones", accepts=[RequestCancelled, RequestExpired], handle=_bury)
