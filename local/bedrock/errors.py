"""Errors with the codes and messages of AWS."""

from __future__ import annotations


class ServiceError(Exception):
    """An AWS error: HTTP status, exception code and message. The server writes it in either wire format."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def validation(message: str) -> ServiceError:
    """Return a ValidationException, which no retry can fix."""
    return ServiceError(400, "ValidationException", message)


def malformed(detail: str) -> ServiceError:
    """Return Bedrock's error for a body that violates a schema. `detail` is for example `#/seed: -1 is not ...`."""
    return validation(f"Malformed input request: {detail}, please reformat your input and try again.")


def ended() -> ServiceError:
    """Return the error of a model after its end of life."""
    return ServiceError(
        404,
        "ResourceNotFoundException",
        "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
    )
