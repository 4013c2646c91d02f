"""The environment variables of the functions."""

from kit.settings import Settings


class AccountSettings(Settings):
    """The authorizer and the API."""

    table_name: str
    hash_secret_arn: str
