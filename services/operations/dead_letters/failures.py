"""What kind of failure a dead letter is of, and what helps against it.

Told from names that are stable: AWS's error codes, EventBridge's, and our own error classes.
"""

import re
from typing import Final, Literal

from kit.errors import TRANSIENT_CODES

Origin = Literal["consumer", "redrive", "rule"]
"""Who dead-lettered it: the consumer itself with its reason; SQS after the last delivery (the function crashed or timed
out each time); EventBridge, which could not reach the queue."""
Kind = Literal["transient", "poison", "schema", "permission", "unknown"]
ReplayVerdict = Literal["replay", "terminal", "done", "unknown_request", "too_often", "unreadable", "no_source_queue"]
"""What a replay would do with a letter, or why it would not."""
OutcomeAction = Literal[
    "replayed", "edited", "refused", "dropped", "canary_passed", "canary_failed", "left",
    "quarantined", "discarded", "purged",
]  # fmt: skip
"""What was done with a letter."""

ADVICE: Final[dict[Kind, str]] = {
    "transient": "wait until what it needs is back, then replay",
    "poison": "repair the code, or what the message points to, then replay",
    "schema": "edit and replay; repair who published it",
    "permission": "restore the permission or the resource, then replay",
    "unknown": "find out why in the function's log, then replay with a canary",
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
"""How the consumer begins what it says of a message that is not an event it knows."""


def classify(origin: Origin, error: str, reason: str) -> Kind:
    """Return what kind of failure ``error`` with ``reason`` is."""
    if _PERMISSION.search(error):
        return "permission"
    if error in TRANSIENT_CODES or _TRANSIENT.search(error):
        return "transient"
    if _SCHEMA.match(error) or (error == "UnprocessableError" and _ENVELOPE.match(reason)):
        return "schema"
    return "poison" if origin == "consumer" else "unknown"
