"""The settings of the moderation functions."""

from typing import Literal

from kit.settings import Settings


class TableSettings(Settings):
    """Settings of every function that uses the table of verdicts."""

    table_name: str


class PromptSettings(TableSettings):
    """Settings of moderation.prompt."""

    moderation_model_id: str
    """A Bedrock model or inference profile that supports Converse with tools."""


class ApiSettings(PromptSettings):
    """Settings of the API."""

    event_bus_name: str


class ImageSettings(TableSettings):
    """Settings of moderation.image."""

    handoff_bucket_name: str
    image_check: Literal["on", "off"]
