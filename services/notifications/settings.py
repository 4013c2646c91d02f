"""What the notifications functions read from their environment."""

from events.settings import Settings


class TableSettings(Settings):
    """All of them work on the one table."""

    table_name: str


class ApiSettings(TableSettings):
    """The HTTP API tells where the socket is."""

    socket_url: str


class SocketSettings(TableSettings):
    """Whoever talks to connections goes through the gateway's management endpoint."""

    management_url: str
