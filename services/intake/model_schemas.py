"""Response bodies about models."""

from datetime import date
from typing import Literal

from events.model_catalog import Range, SizeRule
from kit.schemas import Schema

Lifecycle = Literal["active", "legacy", "end_of_life"]
SafetyLayer = Literal["text_rules", "keywords", "claude", "guardrail", "model_filter", "rekognition"]


class Limits(Schema):
    """The limits of a model. Lengths in characters."""

    prompt_max: int
    """Maximum length of a prompt."""
    negative_prompt_max: int
    """Maximum length of a negative prompt. 0: the model has none."""
    seed_max: int
    """Highest seed."""
    steps: Range | None = None
    """Absent if the model does not have this parameter."""
    guidance: Range | None = None
    """Absent if the model does not have this parameter."""


class ModelView(Schema):
    """A model: its limits, prices and lifecycle."""

    key: str
    """The name of the model in requests."""
    name: str
    """Name of the model, for people."""
    default: bool
    """Whether it serves requests that name no model."""
    lifecycle: Lifecycle
    """`legacy`: its end of life is known. `end_of_life`: a successor serves its requests."""
    end_of_life: date | None = None
    """The first day on which Bedrock no longer serves the model, if it is known."""
    successor: str | None = None
    """Key of the model that serves its requests from that day on."""
    price_usd: dict[str, str]
    """Per image, by quality."""
    sizes: list[str]
    """`WIDTHxHEIGHT`; the first is the default. If there is a `size_rule`, these are suggestions."""
    size_rule: SizeRule | None = None
    """Present if the model takes any size within these limits."""
    aspect_ratios: dict[str, str]
    """If the model takes aspect ratios instead of sizes: ratio to the size of the image. The first is the default."""
    styles: list[str]
    """Names of the styles that it supports."""
    limits: Limits
    """Limits of its parameters."""
    estimated_seconds: int | None = None
    """Until a request with one image succeeds, from the durations of recent requests. Absent if there are none."""


class FactView(Schema):
    """A statement about a model, with its source."""

    text: str
    """The statement."""
    source: str
    """Address of the document that says so."""


class ModelCard(ModelView):
    """A model with its card: provider, terms, known limits and safety layers."""

    provider: str
    """Who made the model. `Custom model`: the operator of this installation added it."""
    terms_url: str | None = None
    """Address of the licence or the terms of use. Absent for a custom model."""
    regions: list[str]
    """AWS Regions in which the model may run. Empty: the Region of the installation."""
    safety_layers: list[SafetyLayer]
    """The checks of a request for this model, in their order. `model_filter` is the provider's own."""
    known_limits: list[str]
    """What the model does not do well, for people."""
    facts: list[FactView]
    """Further facts, each with its source."""


class OpenAIModel(Schema):
    """A model as OpenAI's clients read it."""

    id: str
    """The name of the model in requests."""
    object: Literal["model"] = "model"
    """The kind of this object."""
    created: int = 0
    """Always 0: the model catalog does not say when a model was created."""
    owned_by: str
    """The provider of the model at Bedrock, or `custom`."""
    shutdown_date: date | None = None
    """The model's end of life, if it is known."""


class OpenAIModels(Schema):
    """The models that are served."""

    object: Literal["list"] = "list"
    """The kind of this object."""
    data: list[OpenAIModel]
    """Every model that is not at its end of life."""


class ModelList(Schema):
    """All models."""

    models: list[ModelView]
    """Every model of the catalog."""
    object: Literal["list"] = "list"
    """For OpenAI's clients with the base path `/v1`: the kind of this object."""
    data: list[OpenAIModel]
    """For OpenAI's clients with the base path `/v1`: the models that are served, as in `GET /openai/v1/models`."""
