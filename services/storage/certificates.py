"""The certificates with which files are signed. Each belongs to one version of a secret. ADR 32.

A version is a random text, from which a key and a chain of our own are derived, or a private key with a certificate
that somebody else has issued, in PEM. C2PA's rules for certificates: https://spec.c2pa.org/ (Trust Model).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha512
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANIZATION: Final = "GenAI Image Generator"
CURVE: Final = ec.SECP256R1()
VALID_FROM: Final = datetime(2026, 1, 1, tzinfo=UTC)
VALID_UNTIL: Final = datetime(2056, 1, 1, tzinfo=UTC)
"""Of our own certificates. A signature has no trusted time stamp, so it ends with its certificate."""
_PEM: Final = b"-----BEGIN "


@dataclass(frozen=True)
class SigningCertificate:
    """A certificate with its private key, and what others need to check its signatures."""

    private_key: bytes = field(repr=False)
    """PKCS 8 as PEM."""
    chain: bytes
    """The certificate and its issuers as PEM, in the order in which each is signed by the next."""
    anchor: bytes
    """The last certificate of the chain as PEM."""
    serial_number: int


@lru_cache(maxsize=8)
def certificate_of(secret: bytes) -> SigningCertificate:
    """Return the certificate that belongs to a version of the secret. The same secret gives the same bytes."""
    return read_certificate(secret) if secret.lstrip().startswith(_PEM) else _derive(secret)


def read_certificate(text: bytes) -> SigningCertificate:
    """Return a private key and a chain from a PEM file. Raises ``ValueError`` with the rule that it breaks."""
    try:
        key = load_pem_private_key(text, password=None)
        chain = x509.load_pem_x509_certificates(text)
    except (ValueError, TypeError) as error:
        raise ValueError("must contain a private key without a password, then its certificate, as PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the private key must be an elliptic curve key on P-256")
    if chain[0].public_key() != key.public_key():
        raise ValueError("the first certificate must belong to the private key")
    if len(chain) < 2:
        raise ValueError("the certificate must be followed by that of its issuer")
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except Exception as error:
            raise ValueError("each certificate must be signed by the next one") from error
    return _certificate(key, chain)


def _derive(secret: bytes) -> SigningCertificate:
    """Return a certificate and its issuer. C2PA does not allow a certificate that has signed itself."""
    key, issuer_key = _private_key(b"certificate", secret), _private_key(b"issuer", secret)
    issuer = _builder(secret, "Content Credentials issuer", "Content Credentials issuer", issuer_key)
    issuer = issuer.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    issuer = issuer.add_extension(_usage(signs_certificates=True), critical=True)
    leaf = _builder(secret, "Content Credentials", "Content Credentials issuer", key)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_usage(signs_certificates=False), critical=True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    leaf = leaf.add_extension(authority, critical=False)
    signed = [each.sign(issuer_key, SHA256(), ecdsa_deterministic=True) for each in (leaf, issuer)]
    return _certificate(key, signed)


def _private_key(purpose: bytes, secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Return a key that belongs to ``secret``. The 512 bits of the hash make all keys equally likely."""
    number = int.from_bytes(sha512(b"content credentials " + purpose + b"\0" + secret).digest())
    return ec.derive_private_key(1 + number % (CURVE.group_order - 1), CURVE)


def _builder(secret: bytes, name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    number = int.from_bytes(sha512(b"content credentials serial\0" + name.encode() + b"\0" + secret).digest()[:16])
    return (
        x509.CertificateBuilder(subject_name=_name(name), issuer_name=_name(issuer), public_key=key.public_key())
        .serial_number(number >> 1)
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(key: ec.EllipticCurvePrivateKey, chain: list[x509.Certificate]) -> SigningCertificate:
    texts = [certificate.public_bytes(Encoding.PEM) for certificate in chain]
    private_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningCertificate(private_key, b"".join(texts), texts[-1], chain[0].serial_number)
