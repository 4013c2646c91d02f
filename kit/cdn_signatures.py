"""Signatures of CloudFront: each allows one file, or one image in every width, until a time.

A key pair is derived from a version of a secret, so the secret is made, rotated and retired like all others. CloudFront
has the public key, under an id that the secret also contains. ADR 30.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha512
from typing import Final

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit.keyring import SecretVersion

CURVE: Final = ec.SECP256R1()


@lru_cache(maxsize=4)
def private_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key that belongs to a secret. The 512 bits of the hash make all keys equally likely."""
    number = int.from_bytes(sha512(b"image links\0" + secret).digest())
    return ec.derive_private_key(1 + number % (CURVE.group_order - 1), CURVE)


def public_key(secret: bytes) -> str:
    """Return the public key that belongs to a secret, as PEM for CloudFront."""
    key = private_key(secret).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed(url: str, expires: int, version: SecretVersion, allows: str | None = None) -> str:
    """Return ``url`` with a signature that is valid until ``expires``, in seconds since 1970.

    CloudFront compares ``url`` with the address that a browser requests, so it must be encoded. If the signature is to
    allow more addresses, ``allows`` is what they match: * stands for any characters, ? for one (a "custom policy").
    """
    if version.public_key_id is None:
        raise ValueError(f"version {version.number} of the secret has no public key at CloudFront")
    key = private_key(version.key)
    signer = CloudFrontSigner(version.public_key_id, lambda policy: key.sign(policy, ec.ECDSA(SHA256())))
    until = datetime.fromtimestamp(expires, UTC)
    if allows is None:
        address = signer.generate_presigned_url(url, date_less_than=until)
    else:
        address = signer.generate_presigned_url(url, policy=signer.build_policy(allows, until))
    return f"{address}&Hash-Algorithm=SHA256"
