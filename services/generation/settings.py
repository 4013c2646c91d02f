"""The settings of the generation functions."""

from decimal import Decimal

from pydantic import Field, field_validator

from kit.settings import Settings, valid_custom_models


class LedgerSettings(Settings):
    """Settings of every function that uses the ledger."""

    table_name: str
    ledger_retention_days: int = 60


class EraseSettings(LedgerSettings):
    """Settings of generation.erase."""

    handoff_bucket_name: str


class GenerateSettings(LedgerSettings):
    """Settings of generation.generate. Times are in seconds; the template's timeout profiles set them together."""

    aws_region: str
    handoff_bucket_name: str
    owner_keys_table_name: str
    custom_models: str = ""
    daily_budget_usd: Decimal = Field(Decimal(0), ge=0)
    """The most that generation and moderation may cost per UTC day; 0 for no limit."""
    max_parallel: int = 5
    """Concurrent model calls per invocation. Bounds connections and memory."""
    call_timeout: int = 300
    """How long to wait for a model's response. AWS recommends at least 300 for its slower image models."""
    lease: int = 360
    """Longer than a call that starts in time, so that no other delivery pays while a response may still arrive."""

    _custom_models_are_valid = field_validator("custom_models")(valid_custom_models)
