"""The settings of the moderation functions."""

from typing import Literal

from kit.settings import Settings


class VerdictSettings(Settings):
    """Settings of every function: what decides, and where verdicts are kept."""

    policy: str
    """Name of the policy that decides."""
    shadow_policy: str = ""
    """Name of the candidate that is evaluated beside it and decides nothing. Empty: none."""
    table_name: str
    ledger_retention_days: int = 60


class PromptSettings(VerdictSettings):
    """Settings of moderation.prompt."""

    moderation_model_id: str
    """A Bedrock model or inference profile that supports Converse with tools."""


class ApiSettings(PromptSettings):
    """Settings of the API."""

    event_bus_name: str


class ImageSettings(VerdictSettings):
    """Settings of moderation.image."""

    handoff_bucket_name: str
    image_check: Literal["on", "off"]
