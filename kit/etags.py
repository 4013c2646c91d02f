"""Entity tags (RFC 9110, 8.8.3): made from what identifies a version, and compared with `If-None-Match`, `If-Match`."""

import re
from typing import Final

_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def strong_tag(version: str | int) -> str:
    """Return the tag of a representation that is the same, byte by byte, as long as ``version`` is."""
    return f'"{version}"'


def weak_tag(version: str) -> str:
    """Return the tag of a representation that means the same as long as ``version`` is the same."""
    return f'W/"{version}"'


def content_tag(content: str) -> str:
    """Return the strong tag of a content, for representations without a version."""
    import hashlib  # noqa: PLC0415 - most functions of the API do not use it

    return strong_tag(hashlib.sha256(content.encode()).hexdigest()[:24])


def is_current(if_none_match: str | None, tag: str) -> bool:
    """Return whether an `If-None-Match` has ``tag``, with weak comparison: the caller has this version already."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return tag.removeprefix("W/") in {found.removeprefix("W/") for found in _TAG.findall(if_none_match)}


def expected_revision(if_match: str | None) -> int | None:
    """Return the revision that an `If-Match` names. None without the header or for ``*``: any revision.

    Raises ``ValueError`` for tags that no revision has, and for weak ones: `If-Match` compares strongly.
    """
    tag = (if_match or "*").strip()
    if tag == "*":
        return None
    found = re.fullmatch(r'"([0-9]{1,9})"', tag, re.ASCII)
    if found is None:
        raise ValueError("is not the tag of a revision")
    return int(found[1])
