"""A deletion, from the table's stream → the files are gone, the CDN forgets them, ImageDeleted."""

import boto3

from events.catalog.image_deleted import ImageDeleted
from kit.runtime import consumer
from services.storage.adapters.catalog import GalleryCatalog
from services.storage.adapters.files import CloudFront, GalleryFiles
from services.storage.removal import Remove
from services.storage.settings import RemoveSettings

_settings = RemoveSettings.load()

handler = consumer(
    step="storage.remove",
    accepts=[ImageDeleted],
    handle=Remove(
        catalog=GalleryCatalog(boto3.client("dynamodb"), _settings.table_name),
        files=GalleryFiles(boto3.client("s3"), _settings.gallery_bucket_name),
        cdn=CloudFront(_settings.distribution_id),
    ),
)
