"""The settings of the storage functions."""

from kit.settings import Settings


class GallerySettings(Settings):
    """Settings of every function that uses the gallery table."""

    table_name: str
    ledger_retention_days: int = 60
    """Of tombstones and deletion markers. Functions that write none have the default."""


class StoreSettings(GallerySettings):
    """Settings of storage.store."""

    handoff_bucket_name: str
    gallery_bucket_name: str
    owner_keys_table_name: str
    prompt_hash_key_id: str
    """Name or ARN of the secret that contains the key for prompt hashes."""
    content_credentials_key_id: str | None = None
    """Name or ARN of the secret that signs files. Empty if Content Credentials are off."""


class ApiSettings(GallerySettings):
    """Settings of the API."""

    gallery_bucket_name: str
    cdn_url: str | None = None
    """Empty if the CDN is off; URLs are presigned then."""
    image_link_key_id: str | None = None
    """Name or ARN of the secret that signs the CDN's URLs. Empty if the CDN is off."""


class RelaySettings(Settings):
    """Settings of the relay, which reads the table's stream."""

    remove_queue_url: str
    remove_dead_letter_queue_url: str


class RemoveSettings(GallerySettings):
    """Settings of storage.remove and storage.derive."""

    gallery_bucket_name: str
    distribution_id: str | None = None
    """Empty if the CDN is off."""


class EraseSettings(RemoveSettings):
    """Settings of storage.erase."""

    exports_bucket_name: str


class VerifySettings(Settings):
    """Settings of storage.verify."""

    content_credentials_key_id: str
    """Name or ARN of the secret that signs files."""
