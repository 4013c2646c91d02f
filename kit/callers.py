"""The caller of an HTTP route. Use cases take one, also in functions without routes: it imports no HTTP code."""

from dataclasses import dataclass
from typing import Final, Literal

Scope = Literal["requests:write", "requests:read", "images:read", "images:write", "analytics:read", "admin"]
"""A permission of an API key. ``admin`` is for operators and does not include the others."""

Priority = Literal["low", "normal", "high"]
"""The priority of an API key. While too many requests wait, those of the lowest priority are refused first (ADR 44)."""
PRIORITIES: Final[tuple[Priority, ...]] = ("low", "normal", "high")
"""In the order in which they are refused."""


@dataclass(frozen=True)
class Caller:
    """The caller, as identified by the authorizer."""

    owner: str
    key_id: str
    scopes: frozenset[str]
    limit: int
    """Images that the key may request in ``window`` seconds."""
    window: int
    analytics_opt_out: bool = False
    """Whether the owner has opted out of analytics."""
    priority: Priority = "normal"
