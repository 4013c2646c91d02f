"""The environment variables of the functions."""

from kit.settings import Settings


class TableSettings(Settings):
    """Every function uses the table."""

    table_name: str


class AccountSettings(TableSettings):
    """The authorizer and the API."""

    hash_secret_arn: str


class ApiSettings(AccountSettings):
    """The API."""

    audit_trail_table: str
    """Operations' table, to which the API adds entries of the audit trail."""
