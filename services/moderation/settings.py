"""The settings of the moderation functions."""

from typing import Literal

from kit.settings import Settings


class PromptSettings(Settings):
    """Settings of moderation.prompt."""

    table_name: str
    ledger_retention_days: int = 60
    moderation_model_id: str
    """A Bedrock model or inference profile that supports Converse with tools."""


class ApiSettings(PromptSettings):
    """Settings of the API."""

    event_bus_name: str


class ImageSettings(Settings):
    """Settings of moderation.image."""

    table_name: str
    ledger_retention_days: int = 60
    handoff_bucket_name: str
    image_check: Literal["on", "off"]
