"""RequestCancelled, RequestExpired → a tombstone in the catalogue."""

import boto3

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from events.runtime import consumer
from services.storage.adapters.catalogue import GalleryCatalogue
from services.storage.logic import tombstone
from services.storage.settings import CatalogueSettings

_catalogue = GalleryCatalogue(boto3.client("dynamodb"), CatalogueSettings.load().table_name)


def _bury(event: RequestCancelled | RequestExpired) -> list[Event]:
    _catalogue.bury(tombstone(event))
    return []


handler = consumer(step="storage.tombstones", accepts=[RequestCancelled, RequestExpired], handle=_bury)
