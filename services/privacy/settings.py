"""The settings of the privacy functions."""

from kit.settings import Settings


class PrivacySettings(Settings):
    """Settings of every function."""

    table_name: str


class PublisherSettings(PrivacySettings):
    """Settings of the functions that start erasures and sweeps."""

    event_bus_name: str


class CollectSettings(PrivacySettings):
    """Settings of privacy.collect."""

    owner_keys_table: str
    archive_days: int
    """Days for which the archive of the event bus keeps events."""
    log_retention_days: int
