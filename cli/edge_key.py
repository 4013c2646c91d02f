"""Tell CloudFront which edge key to send with every call to the API. ADR 38."""

from typing import Any

from kit.keyring import Keyring
from services.accounts.edge import KEY_HEADER


def send(client: Any, distribution: str, keyring: Keyring) -> None:
    """Make a distribution send all versions of ``keyring``, as a deployment does. ``client`` is CloudFront's.

    The authorizer accepts a call if it knows one of them. So nothing is refused while CloudFront has the new versions
    and the authorizer does not, or the other way around. Raises ``LookupError`` if the distribution sends no key.
    """
    found = client.get_distribution_config(Id=distribution)
    header = _header(found["DistributionConfig"])
    if header["HeaderValue"] != keyring.to_text():
        header["HeaderValue"] = keyring.to_text()
        client.update_distribution(
            Id=distribution, IfMatch=found["ETag"], DistributionConfig=found["DistributionConfig"]
        )


def _header(config: dict[str, Any]) -> dict[str, str]:
    """Return the header of the origin that has the key."""
    for origin in config["Origins"]["Items"]:
        for header in origin.get("CustomHeaders", {}).get("Items", []):
            if header["HeaderName"].lower() == KEY_HEADER:
                found: dict[str, str] = header
                return found
    raise LookupError(KEY_HEADER)
