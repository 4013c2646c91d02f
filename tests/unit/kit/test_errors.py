"""The classes of errors: transient, retriable and final."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)

from kit.errors import (
    TRANSIENT_CODES,
    ErrorClass,
    RetriableError,
    TransientError,
    UnprocessableError,
    classify_error,
    error_code,
    is_outage,
)


def aws(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetItem")


@pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
def test_throttling_and_unavailability_are_transient(code: str) -> None:
    assert classify_error(aws(code)) == "transient"


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (TransientError(), "transient"),
        (aws("Unheard", 500), "transient"),
        (aws("Unheard", 503), "transient"),
        (aws("AccessDeniedException", 403), "retriable"),
        (aws("ValidationException", 400), "retriable"),
        (RetriableError(), "retriable"),
        (ReadTimeoutError(endpoint_url="http://x"), "retriable"),
        (ConnectionClosedError(endpoint_url="http://x"), "retriable"),
        (ConnectTimeoutError(endpoint_url="http://x"), "transient"),
        (EndpointConnectionError(endpoint_url="http://x"), "transient"),
        (ConnectionResetError(), "retriable"),
        (TimeoutError(), "retriable"),
        (UnprocessableError("no"), "final"),
        (KeyError("bug"), "final"),
        (ValueError("bug"), "final"),
        (AssertionError(), "final"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_every_error_has_a_class(error: Exception, fate: ErrorClass) -> None:
    assert classify_error(error) == fate


def test_a_response_without_a_code_is_still_an_error() -> None:
    assert error_code(ClientError({}, "GetItem")) == "Unknown"
    assert classify_error(ClientError({}, "GetItem")) == "retriable"


def cancelled(*codes: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": code} for code in codes],
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(answer, "TransactWriteItems")


@pytest.mark.parametrize(
    ("codes", "fate"),
    [
        (["None", "TransactionConflict"], "transient"),
        (["ThrottlingError", "None"], "transient"),
        (["TransactionConflict", "ConditionalCheckFailed"], "retriable"),
        (["ValidationError"], "retriable"),
    ],
)
def test_a_transaction_conflict_is_transient(codes: list[str], fate: ErrorClass) -> None:
    assert classify_error(cancelled(*codes)) == fate


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (aws("ThrottlingException"), True),
        (aws("Unheard", 503), True),
        (cancelled("TransactionConflict"), True),
        (EndpointConnectionError(endpoint_url="http://x"), True),
        (ConnectionClosedError(endpoint_url="http://x"), True),
        (ReadTimeoutError(endpoint_url="http://x"), True),
        (ParamValidationError(report="bug"), False),
        (aws("AccessDeniedException", 403), False),
        (KeyError("bug"), False),
    ],
    ids=str,
)
def test_only_an_outage_is_a_503(error: Exception, away: bool) -> None:
    assert is_outage(error) is away
