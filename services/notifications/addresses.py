"""Which URLs webhooks may have. Callers choose them, so they must not reach internal addresses.

A name is resolved once. All its addresses must be public, and the connection uses the address that was checked, so
a name that resolves differently later (DNS rebinding) has no effect.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Name and port in, addresses out. Raises ``OSError`` if there are none."""

URL_MAX: Final = 2048
PORTS: Final = frozenset({443, 8443})
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")

REFUSED_V4: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
"""Special purposes (https://www.iana.org/assignments/iana-ipv4-special-registry): this host, private networks, NAT of
carriers, link-local with the cloud's metadata, documentation, benchmarks, multicast, reserved."""
PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
"""Addresses for hosts on the internet. Others are loopback, link-local and private networks, forms that
embed an IPv4 address (mapped, NAT64), and multicast."""
REFUSED_V6: Final = tuple(
    ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16")
)
"""What is special within: protocols such as Teredo, documentation, 6to4 (wraps an IPv4 address), segment routing."""


class RefusedTargetError(ValueError):
    """The URL must not be called. The text is for its owner."""


@dataclass(frozen=True)
class Target:
    """A URL that is valid as far as its text is concerned."""

    scheme: str
    host: str
    """Name or address, for the certificate and the ``Host`` header."""
    port: int
    path: str
    """With the query."""


@dataclass(frozen=True)
class TargetPolicy:
    """The allowed URLs. ``loopback`` is for the emulator: it allows this machine, without TLS, on any port."""

    loopback: bool = False

    def parse(self, url: str) -> Target:
        """Return the target of ``url``. Raises ``RefusedTargetError``."""
        if len(url) > URL_MAX or not re.fullmatch(r"[\x21-\x7e]+", url):
            raise RefusedTargetError(f"must be at most {URL_MAX} visible ASCII characters")
        try:
            parts = urlsplit(url)
            port, host = parts.port, (parts.hostname or "").lower()
        except ValueError as error:
            raise RefusedTargetError("must be a URL") from error
        if parts.scheme != "https" and not (self.loopback and parts.scheme == "http"):
            raise RefusedTargetError("must begin with https://")
        if "@" in parts.netloc or "\\" in url or parts.fragment:
            raise RefusedTargetError("must have neither credentials nor a fragment")
        if not _is_address(host) and (not _NAME.fullmatch(host) or len(host) > 253):
            raise RefusedTargetError("must have a host name")
        port = port or (443 if parts.scheme == "https" else 80)
        if port not in PORTS and not self.loopback:
            raise RefusedTargetError("must be on port 443 or 8443")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Target(parts.scheme, host, port, path)

    def check(self, url: str) -> None:
        """Check ``url`` without resolving names, which happens before each call. Raises ``RefusedTargetError``."""
        host = self.parse(url).host
        if _is_address(host) and not self.allows(ipaddress.ip_address(host)):
            raise RefusedTargetError("must have a public address")

    def resolve(self, target: Target, resolver: Resolver) -> str:
        """Return the one address to connect to, IPv4 first. Raises ``RefusedTargetError``, or the resolver's error."""
        found = [ipaddress.ip_address(text.split("%", 1)[0]) for text in resolver(target.host, target.port)]
        if not found or not all(self.allows(address) for address in found):
            raise RefusedTargetError("resolves to an address that is not public")
        return str(min(found, key=lambda address: address.version))

    def allows(self, address: Address) -> bool:
        """Return whether a connection to ``address`` is allowed."""
        return is_public(address) or (self.loopback and address.is_loopback)


def is_public(address: Address) -> bool:
    """Return whether ``address`` is public."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in REFUSED_V4)
    return address in PUBLIC_V6 and not any(address in network for network in REFUSED_V6)


def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the addresses of ``host`` from the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
