"""Content Credentials (C2PA): a signed statement in a file that a model generated it. ADR 32.

The statement names the model and the time. It contains no prompt and no owner, because files are shared.
https://spec.c2pa.org/
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from kit.errors import RetriableError
from kit.keyring import SecretVersion
from services.storage.provenance import CREATOR_TOOL, DIGITAL_SOURCE_TYPE

if TYPE_CHECKING:
    from c2pa import Context, Signer

    from services.storage.variants import EncodedFile, ImageVariants

ACTIONS: Final = "c2pa.actions.v2"
SETTINGS: Final[dict[str, Any]] = {
    "builder": {"thumbnail": {"enabled": False}},
    # A file is never a reason for a call to the network.
    "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
}
"""Of the library: https://github.com/contentauth/c2pa-python."""


@dataclass(frozen=True)
class Origin:
    """What a file states about its origin."""

    model: str
    generated_at: datetime


Sign = Callable[["ImageVariants", Origin], "ImageVariants"]
"""Signs the original and the display file."""


def leave_unsigned(variants: "ImageVariants", _origin: Origin) -> "ImageVariants":
    """Return ``variants`` as they are, for an installation without Content Credentials."""
    return variants


class ContentCredentials:
    """Signs files with the current version of a secret."""

    def __init__(self, current: Callable[[], SecretVersion]) -> None:
        self._current = current

    def sign(self, variants: "ImageVariants", origin: Origin) -> "ImageVariants":
        """Return ``variants`` with signed credentials in the original and in the display file. Pixels stay as they are.

        Raises ``RetriableError`` if the certificate cannot sign: a file that exists is never replaced, so it is not
        stored without its credentials.
        """
        from c2pa import C2paError  # noqa: PLC0415

        version = self._current()
        try:
            signer = _signer(version.key)
            resized = variants.display.width != variants.original.width
            return replace(
                variants,
                original=_signed(variants.original, signer, origin, resized=False),
                display=_signed(variants.display, signer, origin, resized=resized),
            )
        except (C2paError, ValueError) as error:
            raise RetriableError(f"Content Credentials: version {version.number} cannot sign: {error}") from error


def _signed(file: "EncodedFile", signer: "Signer", origin: Origin, *, resized: bool) -> "EncodedFile":
    from c2pa import Builder  # noqa: PLC0415

    target = BytesIO()
    with Builder(json.dumps(_manifest(origin, resized=resized)), _context()) as builder:
        builder.sign(signer, file.media_type, BytesIO(file.content), target)
    return replace(file, content=target.getvalue())


def _manifest(origin: Origin, *, resized: bool) -> dict[str, Any]:
    created = {
        "action": "c2pa.created",
        "when": origin.generated_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "softwareAgent": {"name": origin.model},
    }
    actions = [created, {"action": "c2pa.resized"}] if resized else [created]
    return {
        "claim_generator_info": [{"name": CREATOR_TOOL}],
        "assertions": [{"label": ACTIONS, "data": {"actions": actions}}],
    }


@lru_cache(maxsize=2)
def _signer(secret: bytes) -> "Signer":
    from c2pa import C2paSignerInfo, Signer  # noqa: PLC0415

    from services.storage.certificates import certificate_of  # noqa: PLC0415

    certificate = certificate_of(secret)
    return Signer.from_info(C2paSignerInfo(b"es256", certificate.chain, certificate.private_key, None))


@lru_cache(maxsize=1)
def _context() -> "Context":
    from c2pa import Context, Settings  # noqa: PLC0415

    return Context(Settings.from_dict(SETTINGS))
