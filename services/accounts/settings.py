"""What the accounts functions read from their environment, and which installation the command line works on."""

from pydantic import BaseModel, ConfigDict

from events.settings import Settings


class AccountSettings(Settings):
    """The authorizer and the API work on the same table, with the same hashing secret."""

    table_name: str
    hash_secret_arn: str


class Target(BaseModel):
    """One deployed stack, reached with the operator's own AWS credentials. None leaves a choice to boto3."""

    model_config = ConfigDict(frozen=True)

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
