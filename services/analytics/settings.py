"""What the analytics functions read from their environment, and which installation an operator works on."""

from pydantic import BaseModel, ConfigDict

from kit.settings import Settings


class RecordSettings(Settings):
    """The recorder."""

    table_name: str
    archive_bucket_name: str
    prompt_hash_key_id: str
    """Name or ARN of the secret that keys the hashes of prompts."""


class ApiSettings(Settings):
    """The API: it only reads the counters."""

    table_name: str


class Target(BaseModel):
    """One deployed stack, reached with the operator's own AWS credentials. None leaves a choice to boto3."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    """Every physical name starts with it and a dash."""
    region: str | None = None
    endpoint_url: str | None = None

    @property
    def table_name(self) -> str:
        """The counters' table."""
        return f"{self.prefix}-analytics"

    def archive_bucket_name(self, account: str, region: str) -> str:
        """The archive's bucket."""
        return f"{self.prefix}-analytics-{account}-{region}"
