"""Parse what AWS delivers into a typed event."""

import json
from collections.abc import Mapping
from typing import Any

from .contract.catalog import CATALOG, event_type
from .contract.envelope import Event


class NotAnEventError(ValueError):
    """The message is not an event of the GenAI image generator."""


class UnknownEventError(ValueError):
    """The event, or its version, is newer than this package."""

    def __init__(self, message: str, detail_type: str, version: int) -> None:
        super().__init__(message)
        self.detail_type = detail_type
        self.version = version


def parse(delivered: Mapping[str, Any] | str | bytes) -> Event:
    """Return the event in ``delivered``: an EventBridge event, an SQS message that contains one, or the body of it.

    An SQS message may come from a Lambda batch (``record["body"]``) or from ``receive_message`` (``message["Body"]``).

    Raises ``NotAnEventError``, ``UnknownEventError``, or pydantic's ``ValidationError`` if the content of a known event
    is invalid. All are ``ValueError``, and none quotes the content.
    """
    event = _envelope(delivered)
    source, detail_type, detail = event.get("source"), event.get("detail-type"), event.get("detail")
    if not isinstance(source, str) or not source.startswith("genai-images."):
        raise NotAnEventError("source: does not start with genai-images. Match the source in the rule.")
    metadata = detail.get("metadata") if isinstance(detail, Mapping) else None
    version = metadata.get("version") if isinstance(metadata, Mapping) else None
    if not isinstance(detail_type, str) or not isinstance(version, int):
        raise NotAnEventError(
            "detail.metadata.version or detail-type: is missing. Deliver the whole event to the target."
        )
    kind = event_type(detail_type, version)
    if kind is None:
        raise UnknownEventError(_newer(detail_type, version), detail_type, version)
    if source != kind.source:
        raise NotAnEventError(f"source: {detail_type} is published by {kind.source} only")
    return kind.model_validate(detail)


def _envelope(delivered: Mapping[str, Any] | str | bytes) -> Mapping[str, Any]:
    """Return the EventBridge event. Raises ``NotAnEventError``."""
    if isinstance(delivered, str | bytes):
        try:
            delivered = json.loads(delivered)
        except (ValueError, RecursionError):
            raise NotAnEventError("body: is not JSON") from None
    if not isinstance(delivered, Mapping):
        raise NotAnEventError("message: is not a JSON object")
    for name in ("body", "Body"):
        if isinstance(delivered.get(name), str | bytes):
            return _envelope(delivered[name])
    if "Records" in delivered:
        raise NotAnEventError("Records: is a batch. Call parse with each of its records.")
    return delivered


def _newer(detail_type: str, version: int) -> str:
    known = [str(number) for name, number in CATALOG if name == detail_type]
    if not known:
        return (
            f"detail-type: this package does not know {detail_type[:80]}. Upgrade it, or name the events in the rule."
        )
    return (
        f"detail.metadata.version: this package knows {detail_type} version {', '.join(known)}, not {version}. "
        "Upgrade it, or name the version in the rule."
    )
