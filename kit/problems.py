"""Error responses of the HTTP API: problem documents (RFC 9457), and the catalog of their types.

`kit/problem_advice.py` explains each type. It is kept apart because every function of the API imports this module.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from pydantic import ValidationError

from kit.telemetry import current_call_id

PROBLEM: Final = "application/problem+json"
TYPE_PATH: Final = "/problems/"
"""The path of the pages that describe the types: ``type`` is this and the code."""

PROBLEMS: Final[Mapping[str, tuple[int, str]]] = {
    # Every route
    "not_json": (400, "The body is not JSON"),
    "not_utf8": (400, "The body is not UTF-8"),
    "unauthorized": (401, "An API key is required"),
    "consent_required": (403, "Consent is required"),
    "edge_required": (403, "The call did not come through the CDN"),
    "insufficient_scope": (403, "The API key lacks a scope"),
    "not_found": (404, "Not found"),
    "not_acceptable": (406, "The response has no media type that the request accepts"),
    "body_too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The body has an unsupported media type"),
    "validation_failed": (422, "The request is invalid"),
    "too_many_calls": (429, "Too many calls"),
    "internal_error": (500, "Internal error"),
    "unavailable": (503, "Temporarily unavailable"),
    # Requests and models
    "request_not_found": (404, "Request not found"),
    "model_not_found": (404, "Model not found"),
    "too_late_to_cancel": (409, "The request can no longer be cancelled"),
    "appeal_not_found": (404, "Appeal not found"),
    "not_appealable": (409, "The request cannot be appealed"),
    "already_appealed": (409, "The request was appealed before"),
    "appeal_decided": (409, "The appeal was decided already"),
    "idempotency_key_reused": (422, "The idempotency key was used for another request"),
    "model_end_of_life": (422, "The model has reached its end of life"),
    "rate_limited": (429, "Rate limit exceeded"),
    "too_many_blocked": (429, "Too many blocked prompts"),
    "writes_stopped": (503, "New requests are not accepted"),
    "overloaded": (503, "Too many requests wait"),
    "budget_exhausted": (503, "The daily budget does not cover the request"),
    # Calls that wait for images, of clients of other APIs
    "content_policy_violation": (400, "Blocked by the content policy"),
    "moderation_blocked": (400, "Blocked by the content policy"),
    "request_cancelled": (409, "The request was cancelled"),
    "images_deleted": (410, "The images were deleted"),
    "too_many_waits": (429, "Too many waiting calls"),
    "request_failed": (500, "The request failed"),
    "request_in_progress": (504, "The request is not finished yet"),
    # Prompt checks
    "moderation_unavailable": (503, "The prompt could not be checked"),
    # Images and share links
    "image_not_found": (404, "Image not found"),
    "share_not_found": (404, "Share link not found"),
    "too_many_shares": (409, "Too many share links"),
    # Keys and preferences
    "key_not_found": (404, "API key not found"),
    "key_not_active": (409, "The API key is not active"),
    "preferences_changed": (412, "The preferences have changed"),
    # Erasures and exports
    "erasure_not_found": (404, "Erasure not found"),
    "export_not_found": (404, "Export not found"),
    "erasure_running": (409, "The owner is being erased"),
    "too_many_exports": (409, "Too many exports"),
    # Webhooks
    "webhook_not_found": (404, "Webhook not found"),
    "delivery_not_found": (404, "Delivery not found"),
    "delivery_in_progress": (409, "The delivery is in progress"),
    "too_many_webhooks": (409, "Too many webhooks"),
    "webhook_disabled": (409, "The webhook is disabled"),
    "too_many_sends": (429, "Too many pings and resends"),
    # Operators
    "dead_letters_not_found": (404, "Dead letters not found"),
}
"""Code → status and title of a problem type. Both are fixed; what happened in one case is in ``detail``."""


class ApiProblem(Exception):
    """An error response.

    ``code`` is one of ``PROBLEMS``. ``detail`` says what happened here and what to do. ``errors`` name the invalid
    fields and the rule of each. ``instance`` is the path of the request for images that the problem is about.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        instance: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.title = PROBLEMS[code]
        self.code, self.detail, self.instance = code, detail, instance
        self.errors, self.headers = list(errors), dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the problem document."""
        body: dict[str, Any] = {
            "type": TYPE_PATH + self.code,
            "status": self.status,
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
            "call_id": current_call_id(),
        }
        if self.instance:
            body["instance"] = self.instance
        if self.errors:
            body["errors"] = self.errors
        return body

    def response(self) -> Response[str]:
        """Return the response with the problem document."""
        return Response(self.status, PROBLEM, json.dumps(self.document()), headers=dict(self.headers))


def field_error(field: str, rule: str, **details: Any) -> dict[str, Any]:
    """Return one entry of a problem's ``errors``: the field, the rule, and details such as the ``allowed`` values."""
    return {"field": field, "rule": rule, **details}


def field_errors(error: ValidationError) -> list[dict[str, Any]]:
    """Return pydantic's errors as problem ``errors``, without the values that the caller sent."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in item["loc"]) or "body"
        limits = {key: value for key, value in item.get("ctx", {}).items() if isinstance(value, int | float | str)}
        found.append(field_error(where, item["msg"].removeprefix("Value error, "), code=item["type"], **limits))
    return found


def invalid(*errors: Mapping[str, Any]) -> ApiProblem:
    """Return the problem of a request with invalid fields."""
    return ApiProblem("validation_failed", "The request is invalid: correct the fields that are named.", errors=errors)
