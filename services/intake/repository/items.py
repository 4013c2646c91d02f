"""The items of the request table, and the mapping between them and the domain types.

pk REQUEST#<id>                  sk REQUEST    the immutable request: the event `ImageRequested` itself, as JSON,
                                               with sealed texts
pk REQUEST#<id>                  sk STATE      status and timeline (`kit.timeline`). owner and request_id are the keys
                                               of the index `by-owner`, which never changes; open_shard and
                                               next_check_at of the sparse index `open`. Both items of a request
                                               expire with `RequestRetentionDays`
pk REQUEST#<id>                  sk ERASED     instead of both: the request was erased; expires
pk REQUEST#<id>                  sk APPEAL     the appeal of a rejected request, its reasons sealed. A pending one is in
                                               the index `open`, in the shard `appeals`. Expires with the request
pk IDEMPOTENCY#<owner>           sk KEY#<key>  the response that an Idempotency-Key stands for, for a day
pk RATE#<key id>#<window start>  sk WINDOW     the counters of a key in one window, and the refunded requests
pk WAITS#<owner>                 sk SLOTS      the calls of an owner that wait: a set of `<expires at>#<random>`
pk FIGURES                       sk DURATIONS  average seconds from accepted to succeeded, one attribute per model
pk SIGNALS                       sk NOW        `model#<key>`: status, end_of_life, sequence
                                               `budget`: at, and if it did not cover an image: left_usd, until
pk SIGNALS                       sk REGION     `active_region`, if there is a second region
pk SIGNALS                       sk SHED       `shed`, while too many requests wait: up_to, step, seconds, until
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from events.catalog.image_requested import ImageRequested
from events.pipeline import Status
from kit.dynamodb import from_item, to_item
from kit.timeline import read_timeline
from services.intake.models import Appeal, IdempotencyRecord, RequestState, Window


def request_key(request_id: str, part: str) -> dict[str, Any]:
    """Return the key of a request's ``REQUEST``, ``STATE`` or ``APPEAL`` item."""
    return to_item({"pk": f"REQUEST#{request_id}", "sk": part})


def erased_key(request_id: str) -> dict[str, Any]:
    """Return the key of the marker that replaces an erased request."""
    return to_item({"pk": f"REQUEST#{request_id}", "sk": "ERASED"})


def idempotency_key(owner: str, key: str) -> dict[str, Any]:
    """Return the key of an idempotency record."""
    return to_item({"pk": f"IDEMPOTENCY#{owner}", "sk": f"KEY#{key}"})


def request_from(item: Mapping[str, Any]) -> ImageRequested:
    """Return the request in a ``REQUEST`` item in wire form."""
    return ImageRequested.model_validate_json(item["event"]["S"])


def state_from(item: Mapping[str, Any]) -> RequestState:
    """Return the state in a ``STATE`` item in wire form, as a read or a stream returns it."""
    values = from_item(item)
    return RequestState(
        request_id=values["request_id"],
        owner=values["owner"],
        created_at=datetime.fromisoformat(values["created_at"]),
        status=Status(values["status"]),
        status_sequence=int(values["status_sequence"]),
        revision=int(values["revision"]),
        timeline=read_timeline(values["timeline"], values["request_id"]),
        quota_window=_window_from(values.get("quota_window")),
        quota_images=int(values["quota_window"]["images"]) if "quota_window" in values else 0,
        webhook_id=values.get("webhook_id"),
        analytics_opt_out=values.get("analytics_opt_out", False),
    )


def appeal_from(item: Mapping[str, Any]) -> Appeal:
    """Return the appeal in an ``APPEAL`` item in wire form, as a read or a stream returns it."""
    values = from_item(item)
    decided_at = values.get("decided_at")
    return Appeal(
        request_id=values["pk"].removeprefix("REQUEST#"),
        owner=values["owner"],
        status=values["status"],
        subject=values["subject"],
        category=values["category"],
        policy_version=values["policy_version"],
        reason=values["reason"],
        appealed_at=datetime.fromisoformat(values["appealed_at"]),
        key_id=values["key_id"],
        limit=int(values["limit"]),
        window=int(values["window"]),
        webhook_id=values.get("webhook_id"),
        analytics_opt_out=values.get("analytics_opt_out", False),
        decided_at=datetime.fromisoformat(decided_at) if decided_at else None,
        decision_reason=values.get("decision_reason"),
        granted_request_id=values.get("granted_request_id"),
    )


def record_from(owner: str, key: str, item: Mapping[str, Any]) -> IdempotencyRecord:
    """Return the idempotency record in an item in wire form."""
    values = from_item(item)
    expires_at = datetime.fromtimestamp(int(values["expires_at"]), UTC)
    return IdempotencyRecord(owner, key, values["digest"], values["response"], expires_at)


def _window_from(values: Mapping[str, Any] | None) -> Window | None:
    return Window(values["key_id"], int(values["start"]), int(values["seconds"])) if values else None
