"""Bodies of the first version and errors of OpenAI's API. Fields are named as their clients name them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, ConfigDict, Field

from events.pipeline import Status
from kit.schemas import Input, Schema
from kit.text import SizeRatioOrAuto, Text


class FacadeBody(Input):
    """A request body of another API."""

    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)

    @classmethod
    def _optional_texts(cls) -> Iterator[str]:
        """Yield choices as well: the settings of other tools send "" for a choice that is switched off."""
        yield from super()._optional_texts()
        for name, field in cls.model_fields.items():
            if any(get_origin(part) is Literal for part in get_args(field.annotation)):
                yield name


class ModerationDetails(Schema):
    """Why moderation blocked a request."""

    moderation_stage: Literal["input", "output"]
    """Whether the prompt or an image was blocked."""
    categories: list[str]
    """Categories of the content policy, if they are known."""


class OpenAIFailure(Schema):
    """An error as OpenAI's clients read it."""

    message: str
    """An explanation, for people."""
    type: str
    """The class of the error, as OpenAI names it."""
    param: str | None = None
    """The invalid field, if the error is about one."""
    code: str
    """A stable code, for programs."""
    moderation_details: ModerationDetails | None = None
    """Only for the code `moderation_blocked`."""
    call_id: str
    """The id of the call, which also is in the header `x-call-id` and in our logs."""


class OpenAIError(Schema):
    """The body of every error."""

    error: OpenAIFailure
    """The error."""


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


class LegacyRequest(FacadeBody):
    """The body of the first version. Unknown fields are ignored, as they were then."""

    model_config = ConfigDict(extra="ignore")

    prompt: Text
    """What the image shows."""
    modelId: str | None = None
    """A Bedrock id or a key of the model catalog. A model at its end of life is replaced by its successor."""
    size: SizeRatioOrAuto | None = None
    """`WIDTHxHEIGHT`, a ratio such as `16:9`, or `auto`. The model generates the nearest that it supports."""
    steps: int | None = None
    """Ignored if the model does not support it, like `cfgScale` and `style`."""
    cfgScale: float | None = Field(None, allow_inf_nan=False)
    """How closely the image follows the prompt."""
    style: str | None = None
    """A style of the model."""
    negativePrompt: Annotated[Text | None, BeforeValidator(_blank_is_none)] = None
    """What the image must not show."""


class LegacyAcceptedData(Schema):
    """An accepted request."""

    id: str
    """Id of the request."""
    status: Status
    """The status when the response was sent."""
    statusUrl: str
    """Path of the API."""


class LegacyAccepted(Schema):
    """The response if the request is not finished yet."""

    success: Literal[True] = True
    """True in every response without an error."""
    data: LegacyAcceptedData
    """The accepted request."""
    message: str
    """A sentence, for people."""


class LegacyImageData(Schema):
    """A finished image."""

    id: str
    """The id of the request."""
    prompt: str
    """The prompt of the request."""
    url: str
    """URL of the image. Valid for 15 minutes."""
    generationTime: int
    """Milliseconds from accepted to stored."""
    timestamp: datetime
    """When the image was stored."""


class LegacyImage(Schema):
    """The response if it waited for the finished image."""

    success: Literal[True] = True
    """True in every response without an error."""
    data: LegacyImageData
    """The finished image."""
    message: str
    """A sentence, for people."""
