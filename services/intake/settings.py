"""What the intake functions read from their environment."""

from decimal import Decimal

from kit.settings import Settings


class TableSettings(Settings):
    """Every intake function works on the request-state table."""

    table_name: str


class FacadeSettings(TableSettings):
    """Whatever creates requests and shows their images."""

    gallery_bucket_name: str
    cdn_domain: str = ""
    custom_models: str = ""
    failover_price_ceiling_usd: Decimal = Decimal("0.08")
    nudge_after_minutes: int = 15
    """When the sweeper first looks at a request."""


class ApiSettings(FacadeSettings):
    """The request API."""

    waiting_function_name: str


class RelaySettings(TableSettings):
    """The outbox relay."""

    event_bus_name: str
    relay_queue_url: str


class SweeperSettings(TableSettings):
    """The sweeper. Minutes, counted from when a request was accepted unless said otherwise."""

    event_bus_name: str
    nudge_after_minutes: int = 15
    """Since the last event."""
    deadline_minutes: int = 180
    stalled_deadline_minutes: int = 14 * 24 * 60
    """A stalled request waits for an operator as long as its message waits in the dead-letter queue."""
