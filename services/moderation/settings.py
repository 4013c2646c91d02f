"""What the moderation functions read from their environment."""

from typing import Literal

from kit.settings import Settings


class PromptSettings(Settings):
    """moderation.prompt, and the API."""

    table_name: str
    moderation_model_id: str
    """A Bedrock model or inference profile that speaks Converse with tools."""


class ImageSettings(Settings):
    """moderation.image."""

    table_name: str
    handoff_bucket_name: str
    image_check: Literal["on", "off"]
