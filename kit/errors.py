"""The error classes that decide what becomes of a message, and how other people's errors map onto them."""

from typing import Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError

Disposition = Literal["transient", "retriable", "final"]


class TransientError(Exception):
    """The world is busy: retried with backoff for as long as the retry window lasts, without counting attempts."""


class RetriableError(Exception):
    """Something went wrong that may go right: a few attempts, then the dead-letter queue."""


class InProgressError(Exception):
    """Another delivery is at work on the same thing: come back in ``seconds``."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class UnprocessableError(Exception):
    """The message can never be processed as it is: dead-lettered at once. The text names what is wrong with it.

    It ends up in message attributes, events and logs, so it must not quote a prompt.
    """


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
"""Why a DynamoDB transaction may be cancelled without anything being wrong with it."""


def error_code(error: ClientError) -> str:
    """Return the AWS error code, such as ``ThrottlingException``."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def disposition(error: BaseException) -> Disposition:
    """Tell what becomes of a message whose handling raised ``error``.

    What nobody anticipated is a bug, and a bug does not go away by trying again: it is final.
    """
    match error:
        case TransientError():
            return "transient"
        case ClientError():
            return "transient" if _is_busy(error) else "retriable"
        case NotConnectedError():  # nothing was asked: as unavailable as a 503
            return "transient"
        case RetriableError() | BotoCoreError() | OSError():
            return "retriable"
        case _:
            return "final"


def is_outage(error: BaseException) -> bool:
    """Tell whether ``error`` says that something we stand on is away for the moment, not that anything is wrong."""
    return disposition(error) == "transient" or isinstance(error, HTTPClientError)


def _is_busy(error: ClientError) -> bool:
    status: Any = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reasons: Any = error.response.get("CancellationReasons")
    if reasons:
        return all(reason.get("Code", "None") in BUSY_REASONS for reason in reasons)
    return error_code(error) in TRANSIENT_CODES or status >= 500
