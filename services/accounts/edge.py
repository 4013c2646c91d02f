"""The edge: with the parameter `Edge`, calls must come through CloudFront, which proves itself with a secret. ADR 38.

CloudFront adds two headers to every call, and replaces what the caller sent in them: the secret, and the caller's
address.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from hmac import compare_digest
from typing import Final

from kit.keyring import Keyring, SecretVersion

KEY_HEADER: Final = "x-cdn-key"
"""The value of the secret: one version, or the JSON of several."""
VIEWER_HEADER: Final = "x-cdn-viewer"
"""The IP address of the caller, as CloudFront saw it."""
ACTIVATION: Final = timedelta(hours=1)
"""After a new version was made, until the old one may be retired. By then, all edges of CloudFront send both."""
PUBLIC_ROUTES: Final = frozenset(
    {
        *("GET /health", "GET /problems/{code}", "GET /v1/shares/{token}", "GET /v1/me/erasures/{erasure_id}"),
        "POST /v1/verifications",
    }
)
"""Routes without an API key. Behind the edge, they have the authorizer as well."""


def is_public(route: str) -> bool:
    """Return whether a route of the gateway needs no API key. A ``HEAD`` is answered like the ``GET``."""
    return route.replace("HEAD ", "GET ") in PUBLIC_ROUTES


class Edge:
    """Tells calls that came through CloudFront from those that bypassed it."""

    def __init__(self, keys: Callable[[], Keyring]) -> None:
        self._keys = keys

    def viewer(self, headers: Mapping[str, str]) -> str | None:
        """Return the address of the caller, or None if the call bypassed CloudFront.

        During a rotation, CloudFront sends all versions. One that is known suffices, so that it does not matter which
        of CloudFront and this function learns of a version first.
        """
        known = self._keys().versions
        found = [compare_digest(one.key, other.key) for one in _presented(headers) for other in known]
        return headers.get(VIEWER_HEADER, "") if any(found) else None


def _presented(headers: Mapping[str, str]) -> tuple[SecretVersion, ...]:
    """Return the versions that a call carries, or none if its header is not the value of a secret."""
    try:
        return Keyring.parse(headers[KEY_HEADER]).versions
    except (
        AttributeError,
        KeyError,
        RecursionError,
        TypeError,
        ValueError,
    ):  # whoever bypasses CloudFront sends anything
        return ()
