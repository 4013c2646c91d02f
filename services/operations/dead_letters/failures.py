"""The kinds of failures, and advice for each.

They are derived from stable names: error codes of AWS and EventBridge, and our own error classes.
"""

import re
from typing import Final, Literal

from kit.errors import TRANSIENT_CODES

Origin = Literal["consumer", "redrive", "rule"]
"""Who dead-lettered it: the consumer, with its reason; SQS after the last delivery, because the function crashed or
timed out each time; or EventBridge, which could not deliver to the queue."""
Kind = Literal["transient", "poison", "schema", "permission", "unknown"]
ReplayVerdict = Literal["replay", "terminal", "done", "unknown_request", "too_often", "unreadable", "no_source_queue"]
"""Whether a letter can be replayed, or the reason why not."""
OutcomeAction = Literal[
    "replayed", "edited", "refused", "dropped", "canary_passed", "canary_failed", "left",
    "quarantined", "discarded", "purged",
]  # fmt: skip
"""What was done with a letter."""

ADVICE: Final[dict[Kind, str]] = {
    "transient": "wait until the dependency is available, then replay",
    "poison": "fix the code, or the resource that the message refers to, then replay",
    "schema": "edit and replay; fix the publisher",
    "permission": "restore the permission or the resource (model access: `account check`), then replay",
    "unknown": "find the reason in the function's log, then replay with a canary",
}

_TRANSIENT: Final = re.compile(
    r"Throttl|Timeout|TimedOut|Unavailable|TooManyRequests|SlowDown|Connect|InternalServer|InternalFailure|"
    r"^(THROTTLING|TIMEOUT|INTERNAL_ERROR|TRANSIENT_ASSUME_ROLE|RESOURCE_LIMIT_EXCEEDED|"
    r"RESOURCE_MODIFICATION_COLLISION|CONNECTION_FAILURE|PublishError|TransientError|RetriableError|InProgressError)$"
)
_PERMISSION: Final = re.compile(
    r"AccessDenied|Unauthorized|NotAuthorized|Forbidden|UnrecognizedClient|ExpiredToken|SignatureDoesNotMatch|KMS|"
    r"ResourceNotFound|NoSuchBucket|DoesNotExist|NonExistentQueue|"
    r"^(NO_PERMISSIONS|NO_RESOURCE|FAILED_TO_ASSUME_ROLE|InvalidClientTokenId|OptInRequired)$"
)
_SCHEMA: Final = re.compile(r"^(ValidationError|INVALID_JSON|INVALID_PARAMETER)$")
_ENVELOPE: Final = re.compile(r"^(body|detail-type|source): ")
"""Start of the consumer's reason for a message that is not a known event."""


def classify(origin: Origin, error: str, reason: str) -> Kind:
    """Return the kind of a failure."""
    if _PERMISSION.search(error):
        return "permission"
    if error in TRANSIENT_CODES or _TRANSIENT.search(error):
        return "transient"
    if _SCHEMA.match(error) or (error == "UnprocessableError" and _ENVELOPE.match(reason)):
        return "schema"
    return "poison" if origin == "consumer" else "unknown"
