"""Signed URLs as CloudFront checks them, written from its documentation. It shares no code with what signs.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
"""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

COMMON: Final = ("Signature", "Key-Pair-Id", "Hash-Algorithm")
KINDS: Final = ("Expires", "Policy")
"""The parameter of a canned policy, which CloudFront builds itself, and that of a custom one."""
BASE64: Final = re.compile(r"[A-Za-z0-9~_-]+")
"""CloudFront's alphabet: - for +, _ for =, ~ for /."""


def split(url: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the URL without CloudFront's parameters, and these: names and values."""
    parts = urlsplit(url)
    pairs = [pair for pair in parts.query.split("&") if pair]
    own = [pair for pair in pairs if pair.partition("=")[0] not in (*COMMON, *KINDS)]
    given = [(name, value) for name, _, value in (pair.partition("=") for pair in pairs) if name in (*COMMON, *KINDS)]
    return parts._replace(query="&".join(own)).geturl(), given


def refusal(url: str, keys: Mapping[str, str], now: float) -> str | None:
    """Return why CloudFront refuses ``url`` with 403, or None if it serves the file.

    ``keys`` is the trusted key group: id → public key as PEM.
    """
    resource, given = split(url)
    values = dict(given)
    kinds = [name for name in KINDS if name in values]
    if len(kinds) != 1 or sorted(name for name, _ in given) != sorted((*COMMON, *kinds)):
        return "missing or repeated parameters"
    if values["Key-Pair-Id"] not in keys:
        return "unknown key"
    if values["Hash-Algorithm"] != "SHA256" or not values.get("Expires", "0").isdecimal():
        return "malformed parameters"
    if "Expires" in values:
        condition = f'{{"DateLessThan":{{"AWS:EpochTime":{values["Expires"]}}}}}'
        policy = f'{{"Statement":[{{"Resource":"{resource}","Condition":{condition}}}]}}'.encode()
    else:
        policy = _decoded(values["Policy"])
    public = load_pem_public_key(keys[values["Key-Pair-Id"]].encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    if not BASE64.fullmatch(values["Signature"]):
        return "malformed signature"
    try:
        public.verify(_decoded(values["Signature"]), policy, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return "wrong signature"
    return _forbidden(json.loads(policy), resource, now)


def _forbidden(policy: Mapping[str, list[dict[str, object]]], resource: str, now: float) -> str | None:
    (statement,) = policy["Statement"]
    match statement:
        case {"Resource": str(pattern), "Condition": {"DateLessThan": {"AWS:EpochTime": int(until)}, **more}} if (
            not more
        ):
            if not re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), resource):
                return "another resource"
            return None if now < until else "expired"
    return "a policy that this edge does not know"


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"), validate=True)
    except ValueError:
        return b""
