"""Tells who has signed a file's Content Credentials, and whether it was changed since. Nothing is stored. ADR 32."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from c2pa import C2paError, Context, Reader, Settings

from services.storage.certificates import SigningCertificate
from services.storage.content_credentials import SETTINGS
from services.storage.provenance import DIGITAL_SOURCE_TYPE
from services.storage.schemas import VerificationStatus

MAX_BYTES: Final = 4 * 1024 * 1024
"""Lambda accepts six megabytes per call, and API Gateway encodes the file as base64."""
MAX_NAME: Final = 200
"""Characters of a name in a foreign certificate."""
BEGINNINGS: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n", b""),
    "image/jpeg": (b"\xff\xd8\xff", b""),
    "image/webp": (b"RIFF", b"WEBP"),
}
"""Media type → the first bytes of a file, and those from the eighth on."""
_MANIFEST_STORE: Final = b"jumdc2pa"
"""The type of the box that contains all credentials of a file."""
_UNTRUSTED: Final = "signingCredential.untrusted"
_EXPIRED: Final = "signingCredential.expired"


class UnreadableFileError(Exception):
    """The file has no credentials and is damaged: it cannot be read to its end."""


@dataclass(frozen=True)
class Verification:
    """What a file's credentials say. Only for a valid signature, there is more than the status."""

    status: VerificationStatus
    signer: str | None = None
    """The organization in the certificate. Nobody has checked it, unless we are the signer."""
    ai_generated: bool | None = None
    model: str | None = None
    generated_at: datetime | None = None


def media_type_of(content: bytes) -> str | None:
    """Return the media type that a file's first bytes say, or None if it is no PNG, JPEG or WebP file."""
    for media_type, (first, eighth) in BEGINNINGS.items():
        if content.startswith(first) and content[8:].startswith(eighth):
            return media_type
    return None


def verify(content: bytes, media_type: str, ours: Iterable[SigningCertificate]) -> Verification:
    """Return what the credentials of ``content`` say. Raises ``UnreadableFileError``.

    ``ours`` are the certificates of this installation, at least one. Credentials outside of the file are not fetched.
    """
    ours = list(ours)
    trust = {"trust": {"trust_anchors": "".join(each.anchor.decode() for each in ours)}}
    context = Context(Settings.from_dict(SETTINGS | trust))
    try:
        reader = Reader.try_create(media_type, BytesIO(content), context=context)
    except (C2paError.RemoteManifest, C2paError.ManifestNotFound):
        return Verification("unsigned")
    except C2paError as error:
        if _MANIFEST_STORE in content:
            return Verification("altered")
        raise UnreadableFileError from error
    if reader is None:
        return Verification("unsigned")
    with reader:
        failures = {each["code"] for each in _results(reader).get("failure", ())}
        manifest: Mapping[str, Any] = reader.get_active_manifest() or {}
    if failures - {_UNTRUSTED, _EXPIRED}:
        return Verification("altered")
    if _EXPIRED in failures:
        return Verification("expired")
    signature = manifest.get("signature_info") or {}
    is_ours = not failures and signature.get("cert_serial_number") in {str(each.serial_number) for each in ours}
    created = _creation(manifest)
    return Verification(
        status="signed_by_us" if is_ours else "signed_by_another",
        signer=str(signature.get("issuer") or "")[:MAX_NAME] or None,
        ai_generated=created.get("digitalSourceType") == DIGITAL_SOURCE_TYPE,
        model=created["softwareAgent"]["name"] if is_ours else None,
        generated_at=datetime.fromisoformat(created["when"]) if is_ours else None,
    )


def _results(reader: Reader) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (reader.get_validation_results() or {}).get("activeManifest") or {}
    return found


def _creation(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the action that created the file."""
    actions = [
        action
        for assertion in manifest.get("assertions", ())
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"].get("actions", ())
    ]
    return next((action for action in actions if action.get("action") == "c2pa.created"), {})
