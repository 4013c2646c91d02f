"""What the moderation functions read from their environment."""

from typing import Literal

from events.settings import Settings


class PromptSettings(Settings):
    """moderation.prompt, and the API."""

    table_name: str
    moderation_model_id: str
    """A Bedrock model or inference profile that speaks Converse with tools."""


class PictureSettings(Settings):
    """moderation.picture."""

    table_name: str
    handoff_bucket_name: str
    picture_check: Literal["on", "off"]
