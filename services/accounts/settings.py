"""What the accounts functions read from their environment, and which installation the command line works on."""

from dataclasses import dataclass

from kit.settings import Settings


class AccountSettings(Settings):
    """The authorizer and the API work on the same table, with the same hashing secret."""

    table_name: str
    hash_secret_arn: str


@dataclass(frozen=True)  # no model: the authorizer's cold start would pay for it
class Target:
    """One deployed stack, reached with the operator's own AWS credentials. None leaves a choice to boto3."""

    prefix: str
    """Every physical name starts with it and a dash."""
    region: str | None = None
    endpoint_url: str | None = None

    @property
    def table_name(self) -> str:
        """The table of keys and preferences."""
        return f"{self.prefix}-accounts"

    @property
    def hash_secret_name(self) -> str:
        """The secret that keys are hashed with."""
        return f"{self.prefix}-accounts-key-hashing"
