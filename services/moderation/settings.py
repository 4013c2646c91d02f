"""The settings of the moderation functions."""

from typing import Literal

from kit.settings import Settings


class PolicySettings(Settings):
    """The policies of every function."""

    policy: str
    """Name of the policy that decides."""
    shadow_policy: str = ""
    """Name of the candidate that is evaluated beside it and decides nothing. Empty: none."""


class PromptSettings(PolicySettings):
    """Settings of moderation.prompt."""

    table_name: str
    moderation_model_id: str
    """A Bedrock model or inference profile that supports Converse with tools."""


class ApiSettings(PromptSettings):
    """Settings of the API."""

    event_bus_name: str


class ImageSettings(PolicySettings):
    """Settings of moderation.image."""

    table_name: str
    handoff_bucket_name: str
    image_check: Literal["on", "off"]
