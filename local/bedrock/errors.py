"""The one way a handler of this package says no: an error in the words and codes AWS uses."""

from __future__ import annotations


class ServiceError(Exception):
    """An AWS error: HTTP status, exception code and message. The server turns it into either wire format."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def validation(message: str) -> ServiceError:
    """A 400 that no retry can cure."""
    return ServiceError(400, "ValidationException", message)


def malformed(detail: str) -> ServiceError:
    """Bedrock's wording when a body breaks a model's schema; `detail` reads like `#/seed: -1 is not ...`."""
    return validation(f"Malformed input request: {detail}, please reformat your input and try again.")


def ended() -> ServiceError:
    """What a model past its end-of-life date answers."""
    return ServiceError(
        404,
        "ResourceNotFoundException",
        "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
    )
