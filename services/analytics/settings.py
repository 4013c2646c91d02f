"""The environment variables of the functions."""

from kit.settings import Settings


class RecordSettings(Settings):
    """The recorder."""

    table_name: str
    archive_bucket_name: str
    prompt_hash_key_id: str
    """Name or ARN of the secret that keys the hashes of prompts."""
    ledger_retention_days: int = 60


class ApiSettings(Settings):
    """The API: it only reads the counters."""

    table_name: str
