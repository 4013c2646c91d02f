"""The lifecycle status of a model on Bedrock changed."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from ..envelope import Event, Payload

LifecycleStatus = Literal["active", "legacy", "ended"]
"""``legacy``: the end is announced. ``ended``: Bedrock no longer serves the model."""


class ModelLifecycleChangedData(Payload):
    """The lifecycle of the model."""

    model: str
    """Key in the catalog; for the model that screens prompts, its Bedrock id."""
    model_id: str
    """Bedrock's id."""
    status: LifecycleStatus
    """``legacy``: the end is announced. ``ended``: Bedrock no longer serves the model."""
    ends_at: AwareDatetime | None = None
    """End of life, if Bedrock states it."""
    successor: str | None = None
    """Key of the model that replaces it."""
    sequence: int
    """Number of this change, from 1 per model. The highest one is current."""


class ModelLifecycleChanged(Event):
    """A model became legacy, reached its end of life, or became active again.

    A new installation publishes one event per model. The event belongs to no request: ``request_id`` is derived from
    the model's key, and ``owner`` is ``-``.
    """

    source: ClassVar[str] = "genai-images.operations"
    detail_type: ClassVar[str] = "ModelLifecycleChanged"
    version: ClassVar[int] = 1

    data: ModelLifecycleChangedData
