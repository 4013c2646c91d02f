"""The error classes that decide what happens to a message, and the classification of other errors."""

from typing import Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError

ErrorClass = Literal["transient", "retriable", "final"]


class TransientError(Exception):
    """Something is busy or unavailable: retried with backoff within the retry window, without counting attempts."""


class RetriableError(Exception):
    """The operation may succeed if it is repeated: a few attempts, then the dead-letter queue."""


class InProgressError(Exception):
    """Another delivery handles the same work: retried after ``seconds``."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class UnprocessableError(Exception):
    """The message can never be processed as it is: dead-lettered immediately. The text names the field and the rule.

    The text is stored in message attributes, events and logs, so it must not quote a prompt.
    """


class OwnerErasedError(Exception):
    """The owner was erased: the key is destroyed, and with it every sealed text. A consumer drops the message."""

    def __init__(self) -> None:
        super().__init__("The owner was erased. The texts of this owner cannot be read or written any more.")


TRANSIENT_CODES: Final = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "ModelNotReadyException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
        "TransactionConflictException",
    }
)
"""AWS error codes for throttling and unavailability."""
BUSY_REASONS: Final = frozenset({"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons for which DynamoDB cancels a transaction that may succeed if it is repeated."""


def error_code(error: ClientError) -> str:
    """Return the AWS error code, such as ``ThrottlingException``."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def classify_error(error: BaseException) -> ErrorClass:
    """Return the class of an error. An unexpected error is a bug, and a retry does not fix a bug: final."""
    match error:
        case TransientError():
            return "transient"
        case ClientError():
            return "transient" if _is_busy(error) else "retriable"
        case NotConnectedError():  # the call was not sent: the same as a 503
            return "transient"
        case RetriableError() | BotoCoreError() | OSError():
            return "retriable"
        case _:
            return "final"


def is_outage(error: BaseException) -> bool:
    """Return whether ``error`` means that a dependency is unavailable at the moment."""
    return classify_error(error) == "transient" or isinstance(error, HTTPClientError)


def _is_busy(error: ClientError) -> bool:
    status: Any = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reasons: Any = error.response.get("CancellationReasons")
    if reasons:
        return all(reason.get("Code", "None") in BUSY_REASONS for reason in reasons)
    return error_code(error) in TRANSIENT_CODES or status >= 500
