"""The settings of the moderation functions."""

from typing import Literal

from kit.settings import Settings


class PromptSettings(Settings):
    """Settings of moderation.prompt."""

    table_name: str
    moderation_model_id: str
    """A Bedrock model or inference profile that supports Converse with tools."""
    owner_keys_table_name: str


class ApiSettings(Settings):
    """Settings of the API. It gets its texts from callers, so it opens none."""

    table_name: str
    moderation_model_id: str
    """As in ``PromptSettings``."""
    event_bus_name: str


class ImageSettings(Settings):
    """Settings of moderation.image."""

    table_name: str
    handoff_bucket_name: str
    image_check: Literal["on", "off"]
