"""Tell CloudFront which edge key to send with every call to the API. ADR 38."""

from typing import Any

import click

from cli.connection import Connection
from kit.keyring import Keyring
from services.accounts.edge import KEY_HEADER


def publish(connection: Connection, keyring: Keyring) -> Keyring:
    """Make CloudFront send all versions of ``keyring``, as a deployment does, and return it.

    The authorizer accepts a call if it knows one of them. So nothing is refused while CloudFront has the new versions and
    the authorizer does not, or the other way around.
    """
    distribution = connection.output("WebDistributionId")
    if distribution is None:
        raise click.ClickException("The stack has no output WebDistributionId. Deploy it with Edge=on first.")
    client: Any = connection.client("cloudfront")
    found = client.get_distribution_config(Id=distribution)
    header = _header(found["DistributionConfig"])
    if header["HeaderValue"] != keyring.to_text():
        header["HeaderValue"] = keyring.to_text()
        client.update_distribution(
            Id=distribution, IfMatch=found["ETag"], DistributionConfig=found["DistributionConfig"]
        )
    return keyring


def _header(config: dict[str, Any]) -> dict[str, str]:
    """Return the header of the origin that has the key."""
    for origin in config["Origins"]["Items"]:
        for header in origin.get("CustomHeaders", {}).get("Items", []):
            if header["HeaderName"].lower() == KEY_HEADER:
                found: dict[str, str] = header
                return found
    raise click.ClickException("The distribution sends no edge key. Deploy the stack with Edge=on first.")
