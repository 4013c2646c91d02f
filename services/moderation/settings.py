"""The settings of the moderation functions."""

from typing import Literal

from kit.settings import Settings


class PolicySettings(Settings):
    """Settings of every function."""

    policy: str
    """Name of the policy that decides."""
    shadow_policy: str = ""
    """Name of the candidate that is evaluated beside it and decides nothing. Empty: none."""
    table_name: str
    ledger_retention_days: int = 60


class ScreeningSettings(PolicySettings):
    """Settings of the functions that screen texts."""

    moderation_model_id: str
    """A Bedrock model or inference profile that supports Converse with tools."""


class PromptSettings(ScreeningSettings):
    """Settings of moderation.prompt."""

    owner_keys_table_name: str


class ApiSettings(ScreeningSettings):
    """Settings of the API."""

    event_bus_name: str


class ImageSettings(PolicySettings):
    """Settings of moderation.image."""

    handoff_bucket_name: str
    image_check: Literal["on", "off"]
