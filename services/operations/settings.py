"""Which installation the operator works on."""

from pydantic import BaseModel, ConfigDict


class Target(BaseModel):
    """One deployed stack, reached with the operator's own AWS credentials. None leaves a choice to boto3."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    """Every physical name starts with it and a dash."""
    region: str | None = None
    endpoint_url: str | None = None
    bus: str | None = None
    """Name of the event bus, where it is not the prefix's own."""

    @property
    def bus_name(self) -> str:
        """The bus on which replays are announced."""
        return self.bus or f"{self.prefix}-bus"

    @property
    def requests_table(self) -> str:
        """Intake's table of request states. Only read."""
        return f"{self.prefix}-requests"
