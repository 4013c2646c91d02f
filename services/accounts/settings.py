"""The environment variables of the functions."""

from kit.settings import Settings


class AccountSettings(Settings):
    """The authorizer and the API."""

    table_name: str
    hash_secret_id: str
    require_consent: bool
    """Whether requests need the owner's consent to the current terms and privacy notice."""
    edge_key_arn: str = ""
    """The secret with which CloudFront proves that a call came through it. Empty if calls may bypass it."""


class ApiSettings(AccountSettings):
    """The API."""

    audit_trail_table: str
    """Operations' table, to which the API adds entries of the audit trail."""
    trail_retention_days: int
    """How long they are kept."""
    key_retention_days: int = 365
    cache_address: str = ""
    """Host and port of the cache. Empty: none."""
    cache_name: str = ""
    """Its name in ElastiCache. Empty for a server without TLS on this machine."""


class EraseSettings(Settings):
    """The function that erases and exports owners."""

    table_name: str
    exports_bucket_name: str
    cache_address: str = ""
    """Host and port of the cache. Empty: none."""
    cache_name: str = ""
    """Its name in ElastiCache. Empty for a server without TLS on this machine."""
