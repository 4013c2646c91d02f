"""Decide what happens to a message whose handling raised an error. Pure functions."""

import hashlib
import random
import re
import traceback
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError, ParamValidationError
from pydantic import ValidationError

from kit.errors import InProgressError, OwnerErasedError, UnprocessableError, classify_error, error_code
from kit.publisher import PublishError

DELIVERY_EVENTS: Final = frozenset(
    {
        *("ProcessingStalled", "MessageReplayed", "RequestStatusChanged", "WebhookDue", "ErasureStarted", "DataErased"),
        *("ExportStarted", "DataExported", "ExportCollected", "ExportReady", "AppealDecided"),
    }
)
"""Events about delivery itself or about no request. A failure to consume one is dead-lettered without publishing
anything: a stall of such an event would cause another one, or belong to no request."""


DENIED_CODES: Final = frozenset({"AccessDenied", "AccessDeniedException"})


@dataclass(frozen=True)
class RetryPolicy:
    """How long a message is retried. All times are seconds."""

    attempts: int = 5
    """Deliveries of a message that fails with retriable errors."""
    window: float = 900
    """For transient errors, from the time the message was sent."""
    base: float = 5
    cap: float = 300

    def delay(self, attempt: int) -> float:
        """Return the pause after the ``attempt``-th delivery (from 1): exponential, half of it jitter."""
        full: float = min(self.cap, self.base * 2 ** (attempt - 1))
        return full * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret

    def worst_deliveries(self) -> int:
        """Return the most deliveries within the window, with the shortest jitter. ``maxReceiveCount`` is higher."""
        elapsed, deliveries = 0.0, 1
        while elapsed < self.window:
            elapsed += min(self.cap, self.base * 2 ** (deliveries - 1)) / 2
            deliveries += 1
        return deliveries

    def worst_seconds(self) -> float:
        """Return the longest time from a message's first delivery to its last, without the handling itself."""
        return self.window + self.cap


@dataclass(frozen=True)
class Retry:
    """Receive the message again after ``seconds``."""

    seconds: float
    in_progress: bool = False
    """Whether another delivery is at work on the message: that is not a failure."""


@dataclass(frozen=True)
class DeadLetter:
    """Move the message to the dead-letter queue."""


@dataclass(frozen=True)
class Drop:
    """Delete the message. Nothing follows from it: its owner was erased."""


def decide(error: Exception, *, attempts: int, age: float, policy: RetryPolicy) -> Retry | DeadLetter | Drop:
    """Return what happens to a message that was received ``attempts`` times and sent ``age`` seconds ago."""
    if isinstance(error, OwnerErasedError):
        return Drop()
    if isinstance(error, InProgressError):
        return Retry(error.seconds, in_progress=True)
    match classify_error(error):
        case "transient" if age < policy.window:
            return Retry(policy.delay(attempts))
        case "retriable" if attempts < policy.attempts:
            return Retry(policy.delay(attempts))
    return DeadLetter()


def describe_error(error: BaseException) -> dict[str, str]:
    """Return ``error`` and ``reason`` for operators, without any text that may quote a prompt."""
    match error:
        case ClientError():
            return {"error": error_code(error), "reason": _reason_of_refusal(error)}
        case ParamValidationError():  # its text quotes the parameters
            return {"error": type(error).__name__, "reason": "a call has invalid parameters"}
        case ValidationError():
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            return {"error": "ValidationError", "reason": f"{field}: {first['msg']}"[:300]}
        case UnprocessableError() | PublishError() | InProgressError() | OwnerErasedError():
            return {"error": type(error).__name__, "reason": str(error)[:300]}
        case _ if classify_error(error) == "final":
            frame = traceback.extract_tb(error.__traceback__)[-1]
            path = "/".join(frame.filename.split("/")[-3:])
            return {"error": type(error).__name__, "reason": f"at {path}:{frame.lineno} in {frame.name}"}
        case _:
            return {"error": type(error).__name__, "reason": str(error)[:300] or "no message"}


def _reason_of_refusal(error: ClientError) -> str:
    """Return the operation, and the text only of a refusal by IAM: it names role, action and resource.

    The text of any other error may quote the request. Claude's quotes prompts.
    """
    if error_code(error) not in DENIED_CODES:
        return error.operation_name
    return f"{error.operation_name}: {error.response.get('Error', {}).get('Message', '')}"[:300]


def fingerprint(step: str, error: str, reason: str) -> str:
    """Return 12 hexadecimal digits that are equal for failures of the same kind. Ids and numbers are ignored."""
    kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}|\d+", "#", reason)
    return hashlib.sha256(f"{step}|{error}|{kind}".encode()).hexdigest()[:12]
