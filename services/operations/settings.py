"""The environment variables of the functions."""

from typing import Literal

from kit.settings import Settings


class ApiSettings(Settings):
    """The function `api`."""

    prefix: str
    """All physical names start with it and a dash."""
    version: str
    requests_table: str
    """Intake's table: probed, and read for timelines."""
    operations_table: str
    event_bus_name: str
    handoff_bucket_name: str
    gallery_bucket_name: str
    cache_address: str = ""
    """Host and port of the cache. Empty: none."""
    cache_name: str = ""
    """Its name in ElastiCache. Empty for a server without TLS on this machine."""
    quarantine_retention_days: int = 90
    trail_retention_days: int
    """How long entries of the audit trail are kept."""
    queues: str
    """Names without prefix, comma-separated. Each dead-letter queue has the same name with ``-dlq``."""

    @property
    def queue_names(self) -> list[str]:
        """The names in ``queues``."""
        return [name.strip() for name in self.queues.split(",")]


class SentinelSettings(Settings):
    """The function `sentinel`."""

    aws_region: str
    event_bus_name: str
    operations_table: str


class BiasSettings(Settings):
    """The function `bias`."""

    operations_table: str
    requests_table: str
    """Intake's table: what became of the audit's requests."""
    gallery_bucket_name: str
    intake_function: str
    """ARN of the alias of intake's API."""
    faces: Literal["on", "off"]
    """Whether Rekognition classifies the faces."""


class AuditSettings(Settings):
    """The function `audit`."""

    prefix: str
    gallery_bucket_name: str
    handoff_bucket_name: str
    operations_table: str
    queues: str
    segments: int = 24
    """Number of shares; one is audited per hour."""
    read_units: float = 100
    """Maximum DynamoDB read units per second. A call to S3 counts as one."""
    seconds: float = 720
    """Time for reading. The function has fifteen minutes, and findings are checked again."""
    deadline_minutes: int = 180
    """Deadline of requests: the sweeper's."""

    @property
    def queue_names(self) -> list[str]:
        """The names in ``queues``."""
        return [name.strip() for name in self.queues.split(",")]


class EraseSettings(Settings):
    """The function `erase`."""

    prefix: str
    operations_table: str
    trail_retention_days: int
    exports_bucket_name: str
    queues: str

    @property
    def queue_names(self) -> list[str]:
        """The names in ``queues``."""
        return [name.strip() for name in self.queues.split(",")]
