"""The headers `Content-Type` and `Accept`: whether a body is JSON, and whether a caller accepts JSON."""

from typing import Final

JSON: Final = "application/json"


def is_json(content_type: str | None) -> bool:
    """Return whether a body of this type is JSON: ``application/json``, ``application/*+json``, or not stated."""
    media_type = essence(content_type)
    return media_type in {"", JSON} or (media_type.startswith("application/") and media_type.endswith("+json"))


def accepts_json(accept: str | None) -> bool:
    """Return whether a caller accepts JSON or problem documents. Whatever cannot be understood counts as yes."""
    ranges = [part for part in (accept or "").split(",") if part.strip()]
    return not ranges or any(_accepts_json(part) for part in ranges)


def _accepts_json(accepted: str) -> bool:
    media_type = essence(accepted)
    if "/" not in media_type:
        return True
    possible = media_type in {"*/*", "application/*"} or is_json(media_type)
    return possible and not _has_quality_zero(accepted)


def essence(value: str | None) -> str:
    """Return the media type in a header, without its parameters, such as ``image/png``. Empty if there is no header."""
    return (value or "").partition(";")[0].strip().lower()


def _has_quality_zero(accepted: str) -> bool:
    """Return whether the parameter ``q`` is 0: the caller does not want this type (RFC 9110, 12.4.2)."""
    for parameter in accepted.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            return value.strip() != "" and not value.strip().strip("0.")
    return False
