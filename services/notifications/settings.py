"""What the notifications functions read from their environment."""

from kit.settings import Settings


class TableSettings(Settings):
    """All of them work on the one table."""

    table_name: str


class ApiSettings(TableSettings):
    """The HTTP API tells where the socket is, registers webhooks, and queues what they are told by hand."""

    socket_url: str
    master_secret_arn: str
    webhook_queue_url: str
    webhook_loopback: bool = False


class SocketSettings(TableSettings):
    """Whoever talks to connections goes through the gateway's management endpoint."""

    management_url: str


class PushSettings(SocketSettings):
    """`push` also queues for webhooks."""

    webhook_queue_url: str


class WebhookSettings(TableSettings):
    """`webhook` signs and calls."""

    master_secret_arn: str
    webhook_loopback: bool = False
    """Only for the emulator: this machine may be called, without TLS."""
