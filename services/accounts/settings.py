"""What the accounts functions read from their environment, and which installation the command line works on."""

from kit.settings import Settings


class AccountSettings(Settings):
    """The authorizer and the API work on the same table, with the same hashing secret."""

    table_name: str
    hash_secret_arn: str
