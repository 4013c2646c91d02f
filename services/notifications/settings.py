"""The environment variables of the functions."""

from kit.settings import Settings


class TableSettings(Settings):
    """Every function uses the table."""

    table_name: str
    delivery_retention_days: int = 30
    """Functions that write no deliveries have the default."""


class ApiSettings(TableSettings):
    """The HTTP API."""

    socket_url: str
    master_secret_id: str
    webhook_queue_url: str
    webhook_loopback: bool = False


class SocketSettings(TableSettings):
    """The WebSocket API."""

    management_url: str


class EraseSettings(SocketSettings):
    """The function `erase`."""

    exports_bucket_name: str


class PushSettings(SocketSettings):
    """The function `push`."""

    webhook_queue_url: str


class WebhookSettings(TableSettings):
    """The function `webhook`."""

    master_secret_id: str
    webhook_loopback: bool = False
    """Allow webhooks on this machine, without TLS. On the emulator only."""
