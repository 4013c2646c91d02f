"""The environment variables of the functions."""

from kit.settings import Settings


class RecordSettings(Settings):
    """The recorder."""

    table_name: str
    archive_bucket_name: str
    ledger_retention_days: int = 60


class ApiSettings(Settings):
    """The API: it only reads the counters."""

    table_name: str


class CompactSettings(Settings):
    """The compaction of the archive."""

    archive_bucket_name: str
    archive_retention_days: int
    """Days for which the archive is kept; 0 for ever."""
