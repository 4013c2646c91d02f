"""Consumes ImageApproved, publishes ImageStored."""

import boto3

from events.catalog.image_approved import ImageApproved
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.handoff import HandoffReader
from kit.sealing import OwnerKeyTable, Sealer
from kit.secrets import CachedKeyring
from services.storage.content_credentials import ContentCredentials, Sign, leave_unsigned
from services.storage.repository.files import S3GalleryFiles
from services.storage.repository.gallery import DynamoGallery
from services.storage.service import ImageStorage
from services.storage.settings import StoreSettings

_settings = StoreSettings.load()
_s3 = boto3.client("s3")
_dynamodb = boto3.client("dynamodb")
_secrets = boto3.client("secretsmanager")
_sign: Sign = leave_unsigned
if _settings.content_credentials_key_id:
    _sign = ContentCredentials(CachedKeyring(_secrets, _settings.content_credentials_key_id).current).sign
_storage = ImageStorage(
    handoff=HandoffReader(_s3, _settings.handoff_bucket_name),
    files=S3GalleryFiles(_s3, _settings.gallery_bucket_name),
    gallery=DynamoGallery(_dynamodb, _settings.table_name),
    open_texts=Sealer(OwnerKeyTable(_dynamodb, _settings.owner_keys_table_name)).open_texts,
    hash_key=CachedKeyring(_secrets, _settings.prompt_hash_key_id).current,
    sign=_sign,
    clock=SystemClock(),
)
handler = sqs_consumer("storage.store", [ImageApproved], EachMessage(_storage.store))
