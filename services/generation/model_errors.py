"""The error policy for InvokeModel: what to do about each way in which a call can end without an image."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class ModelCallError(Exception):
    """A model call that returned no image.

    ``code`` is the AWS error code, the name of botocore's exception, or, for a response with status 200,
    ``ContentFiltered``, ``InferenceError`` or ``MalformedResponse``. ``text`` may quote a prompt.
    """

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text


class Action(Enum):
    """What to do about an error."""

    FAIL = "fail"
    """Record the failure as the image's outcome."""
    NEXT_MODEL = "next_model"
    """The model no longer exists: call the next one immediately. If there is none, fail."""
    FAIL_OVER = "fail_over"
    """The model is unavailable: call the next one immediately. If there is none, call the same model later."""
    WAIT = "wait"
    """Call the same model later, for as long as the retry window lasts."""
    RETRY = "retry"
    """Call the same model later, a few times."""


@dataclass(frozen=True)
class ErrorPolicy:
    """The consequence of an error."""

    action: Action
    reason: str
    """A stable code for outcomes, metrics and logs."""
    billed: bool = False
    """AWS may bill the call."""


FILTERED: Final = ErrorPolicy(Action.FAIL, "content_filtered")
END_OF_LIFE: Final = ErrorPolicy(Action.NEXT_MODEL, "model_end_of_life")
INVALID: Final = ErrorPolicy(Action.FAIL, "invalid_request")
UNAVAILABLE: Final = ErrorPolicy(Action.FAIL_OVER, "model_unavailable")
THROTTLED: Final = ErrorPolicy(Action.WAIT, "throttled")
DENIED: Final = ErrorPolicy(Action.RETRY, "access_denied")
TIMED_OUT: Final = ErrorPolicy(Action.RETRY, "model_timeout", billed=True)
MODEL_ERROR: Final = ErrorPolicy(Action.RETRY, "model_error", billed=True)
RESPONSE_LOST: Final = ErrorPolicy(Action.RETRY, "response_lost", billed=True)
OUTPUT_FILTERED: Final = ErrorPolicy(Action.FAIL, "content_filtered", billed=True)

POLICIES_BY_TEXT: Final = (
    # The error code alone is ambiguous. A model at its end of life is mostly "not found", sometimes "not valid".
    ("ValidationException", "content filter", FILTERED),
    ("ValidationException", "content moderation", FILTERED),
    ("ValidationException", "end of its life", END_OF_LIFE),
    ("ValidationException", "model identifier is invalid", END_OF_LIFE),
    ("AccessDeniedException", "end of its life", END_OF_LIFE),
    ("AccessDeniedException", "marked by provider as legacy", END_OF_LIFE),
)
"""Error code, words in the error's text (any case), and the policy. These take precedence over the code alone."""

POLICIES_BY_CODE: Final = {
    # Every error that InvokeModel documents.
    "ValidationException": INVALID,
    "ResourceNotFoundException": END_OF_LIFE,
    "ModelNotReadyException": UNAVAILABLE,
    "ServiceUnavailableException": UNAVAILABLE,
    "ThrottlingException": THROTTLED,
    "ServiceQuotaExceededException": THROTTLED,
    "AccessDeniedException": DENIED,
    "ModelTimeoutException": TIMED_OUT,
    "ModelErrorException": MODEL_ERROR,
    "InternalServerException": MODEL_ERROR,
    # No response. A call that never connected is not billed; any later failure may be.
    "EndpointConnectionError": UNAVAILABLE,
    "ConnectTimeoutError": UNAVAILABLE,
    "ReadTimeoutError": RESPONSE_LOST,
    "ConnectionClosedError": RESPONSE_LOST,
    # A response with status 200 and no image. A filtered image was generated, so it may be billed.
    "ContentFiltered": OUTPUT_FILTERED,
    "InferenceError": MODEL_ERROR,
    "MalformedResponse": MODEL_ERROR,
}


def error_policy(error: ModelCallError) -> ErrorPolicy:
    """Return the policy for ``error``. An unknown error is retried and counts as billed."""
    text = error.text.casefold()
    for code, words, policy in POLICIES_BY_TEXT:
        if code == error.code and words in text:
            return policy
    return POLICIES_BY_CODE.get(error.code, MODEL_ERROR)
