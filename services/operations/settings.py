"""The environment variables of the functions."""

from kit.settings import Settings


class HealthSettings(Settings):
    """The API."""

    prefix: str
    """Every physical name starts with it and a dash."""
    version: str
    requests_table: str
    """Intake's: its state is asked for, and a request's timeline is read."""
    operations_table: str
    event_bus_name: str
    handoff_bucket_name: str
    queues: str
    """Names without prefix, comma-separated; each has a dead-letter queue of its name and ``-dlq``."""

    @property
    def queue_names(self) -> list[str]:
        """The queues that are watched."""
        return [name.strip() for name in self.queues.split(",")]


class SentinelSettings(Settings):
    """The model sentinel."""

    aws_region: str
    event_bus_name: str
    operations_table: str


class AuditSettings(Settings):
    """The scheduled audit."""

    prefix: str
    gallery_bucket_name: str
    handoff_bucket_name: str
    operations_table: str
    queues: str
    segments: int = 24
    """Everything is read in so many shares, one an hour."""
    read_units: float = 100
    """DynamoDB's, a second, at most; a call to S3 counts as one."""
    seconds: float = 720
    """After which no more is read: the function has fifteen minutes, and findings are looked at again."""
    deadline_minutes: int = 180
    """For a request: the sweeper's."""

    @property
    def queue_names(self) -> list[str]:
        """The queues whose dead letters are read."""
        return [name.strip() for name in self.queues.split(",")]
