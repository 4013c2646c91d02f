"""The environment variables of the functions."""

from kit.settings import Settings


class AccountSettings(Settings):
    """The authorizer and the API."""

    table_name: str
    hash_secret_arn: str


class ApiSettings(AccountSettings):
    """The API."""

    audit_trail_table: str
    """Operations' table, to which the API adds entries of the audit trail."""
    trail_retention_days: int
    """How long they are kept."""
    key_retention_days: int = 365
