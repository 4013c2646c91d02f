"""What each function's template sets."""

from kit.settings import Settings


class CatalogSettings(Settings):
    """For whatever looks into the gallery catalog."""

    table_name: str


class StoreSettings(CatalogSettings):
    """For the step that stores images."""

    handoff_bucket_name: str
    gallery_bucket_name: str
    prompt_hash_key_id: str
    """Name or ARN of the secret that keys the hashes of prompts."""


class ApiSettings(CatalogSettings):
    """For the API."""

    gallery_bucket_name: str
    cdn_domain: str | None = None
    """Empty where the CDN is turned off: URLs are presigned then."""


class RelaySettings(Settings):
    """For the relay of the table's stream."""

    remove_queue_url: str
    remove_dead_letter_queue_url: str


class RemoveSettings(CatalogSettings):
    """For the step that removes what was deleted."""

    gallery_bucket_name: str
    distribution_id: str | None = None
    """Empty where the CDN is turned off."""
