"""A model's life on Bedrock moved on."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from events.envelope import Event, Payload

LifecycleStatus = Literal["active", "legacy", "ended"]
"""``legacy`` is on its way out; one that has ``ended`` is no longer served."""


class ModelLifecycleChangedData(Payload):
    """Where a model stands now."""

    model: str
    """Its key in the catalog; Bedrock's id for the one that screens prompts."""
    model_id: str
    """Bedrock's."""
    status: LifecycleStatus
    ends_at: AwareDatetime | None = None
    """When it ends or ended, where Bedrock says so."""
    successor: str | None = None
    """The model that draws in its place, by its key."""
    sequence: int
    """Counts the changes of this model, from 1: the highest is how it stands."""


class ModelLifecycleChanged(Event):
    """A model became legacy, ended, or came back; each model is told of once when an installation is new.

    It belongs to no request: ``request_id`` is derived from the model's key, and nobody owns it.
    """

    source: ClassVar[str] = "genai-images.operations"
    detail_type: ClassVar[str] = "ModelLifecycleChanged"
    version: ClassVar[int] = 1

    data: ModelLifecycleChangedData
