"""The settings of the moderation functions. Each class is complete: a base class is one model more in a cold start."""

from typing import Literal

from kit.settings import Settings


class PromptSettings(Settings):
    """Settings of moderation.prompt."""

    policy: str
    """Name of the policy that decides."""
    shadow_policy: str = ""
    """Name of the candidate that is evaluated beside it and decides nothing. Empty: none."""
    table_name: str
    ledger_retention_days: int = 60
    moderation_model_id: str
    """A Bedrock model or inference profile that supports Converse with tools."""
    guardrail: str = ""
    """Id and version of a guardrail, such as ``a1b2c3d4e5f6:3``. Empty: none."""
    owner_keys_table_name: str


class ApiSettings(Settings):
    """Settings of the API. It gets its texts from callers, so it opens none."""

    policy: str
    """As in ``PromptSettings``."""
    table_name: str
    moderation_model_id: str
    """As in ``PromptSettings``."""
    guardrail: str = ""
    event_bus_name: str


class ImageSettings(Settings):
    """Settings of moderation.image."""

    policy: str
    shadow_policy: str = ""
    table_name: str
    ledger_retention_days: int = 60
    handoff_bucket_name: str
    image_check: Literal["on", "off"]
    """Whether Rekognition screens images."""
    guardrail: str = ""
    """As in ``PromptSettings``."""


class EraseSettings(Settings):
    """Settings of moderation.erase."""

    table_name: str
