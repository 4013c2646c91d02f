"""Which errors are waited for, which are tried a few times, and which are final."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from events.errors import (
    TRANSIENT_CODES,
    Disposition,
    RetriableError,
    TransientError,
    UnprocessableError,
    disposition,
    error_code,
)


def aws(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetItem")


@pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
def test_throttling_and_unavailability_are_waited_for(code: str) -> None:
    assert disposition(aws(code)) == "transient"


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
        (ConnectTimeoutError(endpoint_url="http://x"), "retriable"),
        (ConnectionResetError(), "retriable"),
        (TimeoutError(), "retriable"),
        (UnprocessableError("no"), "final"),
        (KeyError("bug"), "final"),
        (ValueError("bug"), "final"),
        (AssertionError(), "final"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_an_error_has_one_fate(error: Exception, fate: Disposition) -> None:
    assert disposition(error) == fate


def test_an_answer_without_a_code_is_still_an_error() -> None:
    assert error_code(ClientError({}, "GetItem")) == "Unknown"
    assert disposition(ClientError({}, "GetItem")) == "retriable"
