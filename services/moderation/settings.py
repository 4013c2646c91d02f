"""The settings of the moderation functions."""

from typing import Literal

from kit.settings import Settings


class ScreeningSettings(Settings):
    """Settings of the functions that screen texts."""

    table_name: str
    moderation_model_id: str
    """A Bedrock model or inference profile that supports Converse with tools."""


class PromptSettings(ScreeningSettings):
    """Settings of moderation.prompt."""

    owner_keys_table_name: str


class ApiSettings(ScreeningSettings):
    """Settings of the API."""

    event_bus_name: str


class ImageSettings(Settings):
    """Settings of moderation.image."""

    table_name: str
    handoff_bucket_name: str
    image_check: Literal["on", "off"]
