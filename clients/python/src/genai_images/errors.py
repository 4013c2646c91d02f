"""What can go wrong: the API refuses a call, a request ends without images, or an answer does not come."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genai_images.models import RequestView


class ImagesError(Exception):
    """The base of every error of this package."""


class NoAnswerError(ImagesError):
    """The API cannot be reached, or did not answer in time."""


class UnknownAnswerError(ImagesError):
    """The API answered in a form that this version of the package does not know."""


class WebhookError(ImagesError):
    """A webhook message is not from the API, is too old, or has an unknown form."""


@dataclass(frozen=True)
class FieldError:
    """A field that breaks a rule."""

    field: str
    """Dotted path in the body, or the parameter."""
    rule: str
    code: str | None = None
    allowed: tuple[Any, ...] = ()
    """The allowed values, if they are few."""

    def __str__(self) -> str:
        values = f" ({', '.join(map(str, self.allowed))})" if self.allowed else ""
        return f"{self.field}: {self.rule}{values}"


class ApiError(ImagesError):
    """The API refused a call. Decide by ``status`` and ``code``; the text is for people."""

    def __init__(
        self,
        status: int,
        title: str,
        *,
        code: str | None = None,
        detail: str | None = None,
        errors: tuple[FieldError, ...] = (),
        call_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, title)
        self.status = status
        self.title = title
        self.code = code
        self.detail = detail
        self.errors = errors
        self.call_id = call_id
        """The id of the call. Quote it when you report a problem."""
        self.retry_after = retry_after
        """Seconds to wait before the next call, if the API says so."""

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.status} {self.title}", *([self.detail] if self.detail else []), *(f"  {e}" for e in self.errors)]
        )


class InvalidRequestError(ApiError):
    """The call itself is wrong (400, 413, 422 and others). ``errors`` names the fields."""


class AuthenticationError(ApiError):
    """The key is missing or invalid, or lacks the scope of the route (401, 403)."""


class NotFoundError(ApiError):
    """The resource does not exist, or it belongs to another owner (404)."""


class ConflictError(ApiError):
    """The resource has changed meanwhile: read it again (409, 412)."""


class RateLimitedError(ApiError):
    """Too many calls or images (429). Try again after ``retry_after`` seconds."""


class UnavailableError(ApiError):
    """Something failed on the side of the API (500 and above)."""


class NotGeneratedError(ImagesError):
    """A request finished without images. ``request`` is the request, ``str()`` the reason."""

    def __init__(self, request: "RequestView") -> None:
        super().__init__(request.reason.detail if request.reason else f"The request is {request.status}.")
        self.request = request


class Rejected(NotGeneratedError):
    """Moderation blocked the prompt or all images. ``request.reason`` says by which check."""


class Failed(NotGeneratedError):
    """No image could be generated. A new request may succeed."""


class Cancelled(NotGeneratedError):
    """The request was cancelled."""


class Expired(NotGeneratedError):
    """The request passed its deadline. A new request may succeed."""


class TimedOut(ImagesError):
    """The request did not finish in the given time. It goes on: wait for it again with its id."""

    def __init__(self, request_id: str, status: str) -> None:
        super().__init__(f"Request {request_id} is still {status}. It goes on; wait for it again with its id.")
        self.request_id = request_id
        self.status = status


WITHOUT_IMAGES = {"rejected": Rejected, "failed": Failed, "cancelled": Cancelled, "expired": Expired}
"""Terminal status → the error for it."""
