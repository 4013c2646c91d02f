"""API Gateway's event for a request (payload format 2.0)."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

CALL_ID = "VgYvFhbWIAMEPqA="
"""The id that API Gateway gave to the call."""


def http_event(
    method: str,
    path: str,
    *,
    route: str | None = None,
    body: Any = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    path_parameters: Mapping[str, str] | None = None,
    caller: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the event for ``method`` on ``path``.

    ``route`` is the gateway's route key without its method, such as ``/v1/requests/{request_id}``; by default the path.
    A ``body`` that is neither text nor bytes is sent as JSON. ``caller`` is the authorizer's result: owner, scopes …
    """
    context: dict[str, Any] = {"http": {"method": method, "path": path}, "stage": "$default", "requestId": CALL_ID}
    if caller is not None:
        context["authorizer"] = {"lambda": dict(caller)}
    encoded = isinstance(body, bytes)
    text = base64.b64encode(body).decode() if encoded else body if isinstance(body, str | None) else json.dumps(body)
    return {
        "version": "2.0",
        "routeKey": f"{method} {route or path}",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "queryStringParameters": dict(query) if query else None,
        "pathParameters": dict(path_parameters) if path_parameters else None,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": text,
        "isBase64Encoded": encoded,
        "requestContext": context,
    }
