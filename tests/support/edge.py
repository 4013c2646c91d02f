"""A strict CloudFront edge: it checks signed URLs as CloudFront documents it, and serves files to who has one.

It is written from the documentation and shares no code with what signs.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
"""

import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

PARAMETERS = ("Expires", "Signature", "Key-Pair-Id", "Hash-Algorithm")
BASE64 = re.compile(r"[A-Za-z0-9~_-]+")
"""CloudFront's alphabet: - for +, _ for =, ~ for /."""


def refusal(url: str, keys: Mapping[str, str], now: float) -> str | None:
    """Return why CloudFront refuses ``url`` with 403, or None if it serves the file.

    ``keys`` is the trusted key group: id → public key as PEM.
    """
    parts = urlsplit(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    if sorted(name for name, _, _ in pairs) != sorted(PARAMETERS):
        return "missing, repeated or unknown parameters"
    values = {name: value for name, _, value in pairs}
    if values["Key-Pair-Id"] not in keys:
        return "unknown key"
    if values["Hash-Algorithm"] != "SHA256" or not values["Expires"].isdecimal():
        return "malformed parameters"
    if not BASE64.fullmatch(values["Signature"]):
        return "malformed signature"
    resource = parts._replace(query="").geturl()
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{values["Expires"]}}}}}'
    policy = f'{{"Statement":[{{"Resource":"{resource}","Condition":{condition}}}]}}'
    public = load_pem_public_key(keys[values["Key-Pair-Id"]].encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    signature = values["Signature"].replace("-", "+").replace("_", "=").replace("~", "/")
    try:
        public.verify(b64decode(signature, validate=True), policy.encode(), ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return "wrong signature"
    return None if now < int(values["Expires"]) else "expired"


class Edge(ThreadingHTTPServer):
    """An edge on loopback for the distribution ``domain``."""

    def __init__(
        self, domain: str, keys: Callable[[], Mapping[str, str]], read: Callable[[str], tuple[bytes, str]]
    ) -> None:
        self.domain = domain
        self.keys = keys
        self.read = read
        """Key of a file → its content and its Cache-Control."""
        self.clock = time.time
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Edge

    def do_GET(self) -> None:
        url = f"https://{self.server.domain}{self.path}"
        refused = refusal(url, self.server.keys(), self.server.clock())
        content, cache_control = (b"", "") if refused else self.server.read(urlsplit(url).path.lstrip("/"))
        self.send_response(403 if refused else 200)
        self.send_header("Cache-Control", cache_control)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Write no log."""


@contextmanager
def serving(edge: Edge) -> Iterator[Edge]:
    """Serve until the end of the block."""
    with edge:
        Thread(target=edge.serve_forever, args=(0.02,), daemon=True).start()
        yield edge
        edge.shutdown()
