"""ImageApproved → ImageStored."""

from datetime import UTC, datetime

import boto3

from events.catalog.image_approved import ImageApproved
from kit.handoff import HandoffReader
from kit.runtime import consumer
from kit.secrets import secret_key
from services.storage.adapters.catalog import GalleryCatalog
from services.storage.adapters.files import GalleryFiles
from services.storage.service import Store
from services.storage.settings import StoreSettings

_settings = StoreSettings.load()
_s3 = boto3.client("s3")

handler = consumer(
    step="storage.store",
    accepts=[ImageApproved],
    handle=Store(
        handoff=HandoffReader(_s3, _settings.handoff_bucket_name),
        files=GalleryFiles(_s3, _settings.gallery_bucket_name),
        catalog=GalleryCatalog(boto3.client("dynamodb"), _settings.table_name),
        hash_key=secret_key(boto3.client("secretsmanager"), _settings.prompt_hash_key_id),
        clock=lambda: datetime.now(UTC),
    ),
    recovers=True,
)
