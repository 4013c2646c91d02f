"""What every way InvokeModel can end without a image means. Data: a few meanings are only in the message's words."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class ModelCallError(Exception):
    """A call without a image.

    ``code`` is the AWS error code, the name of botocore's exception, or one of the three that stand for an answer
    with status 200: ``ContentFiltered``, ``InferenceError``, ``MalformedAnswer``. ``text`` may quote a prompt.
    """

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text


class Then(Enum):
    """What is done about an error."""

    REJECT = "reject"
    """Final: recorded as the image's outcome."""
    NEXT = "next"
    """The model is gone: the next one at once; final where there is none."""
    SUBSTITUTE = "substitute"
    """The model is away: the next one at once; the same one later where there is none."""
    WAIT = "wait"
    """The same model later, for as long as the retry window lasts."""
    RETRY = "retry"
    """The same model later, a few times."""


@dataclass(frozen=True)
class Rule:
    """One row: the first whose ``code`` is the error's and whose ``says`` is in its text (any case) holds."""

    code: str
    then: Then
    reason: str
    """A stable code for outcomes, metrics and logs."""
    says: str = ""
    paid: bool = False
    """The call may have been paid for."""


RULES: Final = (
    # Words that tell what the code does not. An ended model is mostly "not found", sometimes "not valid".
    Rule("ValidationException", Then.REJECT, "content_filtered", says="content filter"),
    Rule("ValidationException", Then.REJECT, "content_filtered", says="content moderation"),
    Rule("ValidationException", Then.NEXT, "model_ended", says="end of its life"),
    Rule("ValidationException", Then.NEXT, "model_ended", says="model identifier is invalid"),
    Rule("AccessDeniedException", Then.NEXT, "model_ended", says="end of its life"),
    Rule("AccessDeniedException", Then.NEXT, "model_ended", says="marked by provider as legacy"),
    # Every error InvokeModel documents.
    Rule("ValidationException", Then.REJECT, "invalid_request"),
    Rule("ResourceNotFoundException", Then.NEXT, "model_ended"),
    Rule("ModelNotReadyException", Then.SUBSTITUTE, "model_unavailable"),
    Rule("ServiceUnavailableException", Then.SUBSTITUTE, "model_unavailable"),
    Rule("ThrottlingException", Then.WAIT, "throttled"),
    Rule("ServiceQuotaExceededException", Then.WAIT, "throttled"),
    Rule("AccessDeniedException", Then.RETRY, "access_denied"),
    Rule("ModelTimeoutException", Then.RETRY, "model_timeout", paid=True),
    Rule("ModelErrorException", Then.RETRY, "model_error", paid=True),
    Rule("InternalServerException", Then.RETRY, "model_error", paid=True),
    # No answer at all: not connected means not paid, everything later may be.
    Rule("EndpointConnectionError", Then.SUBSTITUTE, "model_unavailable"),
    Rule("ConnectTimeoutError", Then.SUBSTITUTE, "model_unavailable"),
    Rule("ReadTimeoutError", Then.RETRY, "answer_lost", paid=True),
    Rule("ConnectionClosedError", Then.RETRY, "answer_lost", paid=True),
    # An answer with status 200 and no image.
    Rule("ContentFiltered", Then.REJECT, "content_filtered"),
    Rule("InferenceError", Then.RETRY, "model_error", paid=True),
    Rule("MalformedAnswer", Then.RETRY, "model_error", paid=True),
)
ANYTHING_ELSE: Final = Rule("", Then.RETRY, "model_error", paid=True)


def ruling(error: ModelCallError) -> Rule:
    """Return the row that holds for ``error``."""
    text = error.text.casefold()
    return next((rule for rule in RULES if rule.code == error.code and rule.says in text), ANYTHING_ELSE)
