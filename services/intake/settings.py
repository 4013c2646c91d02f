"""The settings of the functions, from their environment."""

from decimal import Decimal
from typing import Literal

from pydantic import field_validator

from kit.settings import Settings, valid_custom_models


class TableSettings(Settings):
    """The settings of all functions."""

    table_name: str
    """The request table."""
    cache_address: str = ""
    """Host and port of the cache. Empty: none."""
    cache_name: str = ""
    """Its name in ElastiCache. Empty for a server without TLS on this machine."""


class CreationSettings(TableSettings):
    """The settings of the functions that create requests and show their images."""

    owner_keys_table_name: str
    gallery_bucket_name: str
    cdn_url: str = ""
    image_link_key_id: str = ""
    """ARN of storage's secret that signs the CDN's URLs. Empty, like the URL, if the CDN is off."""
    custom_models: str = ""
    failover_price_ceiling_usd: Decimal = Decimal("0.08")
    nudge_after_minutes: int = 15
    """When the sweeper checks a request for the first time."""
    request_retention_days: int = 400
    """After which DynamoDB deletes a request."""

    _custom_models_are_valid = field_validator("custom_models")(valid_custom_models)


class ApiSettings(CreationSettings):
    """The settings of the request API."""

    waiting_function_name: str
    event_bus_name: str
    image_check: Literal["on", "off"] = "on"
    """Whether moderation checks images with Rekognition, for the cards of models."""
    guardrail_id: str = ""
    """The guardrail of moderation, for the cards of models. Empty: none."""


class EraseSettings(TableSettings):
    """The settings of intake.erase."""

    ledger_retention_days: int = 60
    owner_keys_table_name: str
    exports_bucket_name: str


class AppealsSettings(TableSettings):
    """The settings of the API for appeals."""

    owner_keys_table_name: str
    audit_trail_table: str
    trail_retention_days: int = 365
    custom_models: str = ""
    nudge_after_minutes: int = 15
    request_retention_days: int = 400

    _custom_models_are_valid = field_validator("custom_models")(valid_custom_models)


class RelaySettings(TableSettings):
    """The settings of the outbox relay."""

    event_bus_name: str
    relay_queue_url: str


class SweeperSettings(TableSettings):
    """The settings of the sweeper."""

    event_bus_name: str
    nudge_after_minutes: int = 15
    """Since the last event."""
    deadline_minutes: int = 180
    """Since the request was accepted."""
    stalled_deadline_minutes: int = 14 * 24 * 60
    """The deadline of a stalled request: the retention of its message in the dead-letter queue."""
    shed_after_seconds: str = "off"
    """Seconds for which requests may wait until new ones of low, normal and high priority are refused, or ``off``."""
