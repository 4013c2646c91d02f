"""Content Credentials in image files, read with the reader of the C2PA library."""

import io
import json
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from c2pa import Context, Reader, Settings
from PIL import Image

from events.options import OutputFormat
from kit.errors import RetriableError
from kit.keyring import SecretVersion
from services.storage.certificates import SigningCertificate, certificate_of, read_certificate
from services.storage.content_credentials import SETTINGS, ContentCredentials, Origin
from services.storage.provenance import DIGITAL_SOURCE_TYPE, Provenance
from services.storage.variants import EncodedFile, ImageVariants, create_variants
from tests.unit.storage.fakes import PROMPT, REQUEST, encode, gradient, raw_image

SECRET = b"a secret of the tests"
ORIGIN = Origin("nova-canvas", datetime(2026, 11, 22, 12, 0, 5, 250_000, tzinfo=UTC))
XMP = Provenance(f"{REQUEST}-0", REQUEST, "nova-canvas", 7, "1:9f86").xmp()


def unsigned(output_format: OutputFormat = "png", *, width: int = 96) -> ImageVariants:
    content = encode(gradient(width=width))
    return create_variants(content, raw_image(content, width=width), XMP, output_format)


def sign(variants: ImageVariants, secret: bytes = SECRET) -> ImageVariants:
    return ContentCredentials(lambda: SecretVersion(1, secret)).sign(variants, ORIGIN)


def read(file: EncodedFile, certificate: SigningCertificate | None = None) -> dict[str, Any]:
    """Return what the library's reader says; ``certificate`` is the only one that it trusts."""
    trust = {"trust": {"trust_anchors": certificate.anchor.decode()}} if certificate else {}
    with Reader(file.media_type, io.BytesIO(file.content), context=Context(Settings.from_dict(SETTINGS | trust))) as it:
        found: dict[str, Any] = json.loads(it.json())
    return found


def chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the types and the data of the chunks of a PNG file."""
    found, start = [], 8
    while start < len(content):
        (length,) = struct.unpack_from(">I", content, start)
        found.append((content[start + 4 : start + 8], content[start + 8 : start + 8 + length]))
        start += 12 + length
    return found


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_original_and_display_file_have_valid_credentials(output_format: OutputFormat) -> None:
    variants = sign(unsigned(output_format))

    for file in (variants.original, variants.display):
        found = read(file, certificate_of(SECRET))
        manifest = found["manifests"][found["active_manifest"]]
        assert found["validation_state"] == "Trusted", found["validation_results"]
        assert found["validation_results"]["activeManifest"]["failure"] == []
        assert manifest["claim_generator_info"][0]["name"] == "GenAI Image Generator"
        (action,) = manifest["assertions"][0]["data"]["actions"]
        assert action == {
            "action": "c2pa.created",
            "when": "2026-11-22T12:00:05Z",
            "digitalSourceType": DIGITAL_SOURCE_TYPE,
            "softwareAgent": {"name": "nova-canvas"},
        }


def test_a_smaller_display_file_says_that_it_was_resized() -> None:
    variants = sign(unsigned(width=1100))

    found = [read(file) for file in (variants.original, variants.display)]
    actions = [each["manifests"][each["active_manifest"]]["assertions"][0]["data"]["actions"] for each in found]
    assert [[action["action"] for action in each] for each in actions] == [
        ["c2pa.created"],
        ["c2pa.created", "c2pa.resized"],
    ]


def test_a_signature_adds_one_chunk_to_a_png_file() -> None:
    before = unsigned()
    after = sign(before)

    added = [chunk for chunk in chunks(after.original.content) if chunk not in chunks(before.original.content)]
    assert [name for name, _ in added] == [b"caBX"]
    assert [chunk for chunk in chunks(after.original.content) if chunk not in added] == chunks(before.original.content)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_a_signature_keeps_pixels_and_xmp(output_format: OutputFormat) -> None:
    before = unsigned(output_format)
    after = sign(before)

    for old, new in ((before.original, after.original), (before.display, after.display)):
        with Image.open(io.BytesIO(old.content)) as one, Image.open(io.BytesIO(new.content)) as other:
            assert one.tobytes() == other.tobytes()
        assert XMP in new.content
        assert 2_500 < len(new.content) - len(old.content) < 4_000
    assert after.thumbnail == before.thumbnail


def test_credentials_contain_nothing_personal() -> None:
    variants = sign(unsigned())

    text = json.dumps(read(variants.original)) + str(dict(chunks(variants.original.content))[b"caBX"])
    assert "nova-canvas" in text
    assert not [each for each in (PROMPT, REQUEST, "ada", "9f86") if each in text]


def test_a_secret_always_gives_the_same_certificate() -> None:
    one = certificate_of(SECRET)
    certificate_of.cache_clear()

    assert certificate_of(SECRET) == one
    assert certificate_of(b"another").chain != one.chain
    assert "PRIVATE" not in repr(one)


def test_a_certificate_that_somebody_issued_signs_as_well() -> None:
    issued = certificate_of(b"an issuer of the tests")
    variants = sign(unsigned(), issued.private_key + issued.chain)

    assert read(variants.original, issued)["validation_state"] == "Trusted"
    assert read(variants.original, certificate_of(SECRET))["validation_state"] == "Valid"


def test_a_file_without_a_usable_certificate_names_the_rule() -> None:
    one, other = certificate_of(SECRET), certificate_of(b"another")
    leaf = one.chain.removesuffix(one.anchor)
    wrong = {
        "must contain a private key": one.chain,
        "the first certificate must belong": other.private_key + one.chain,
        "must be followed by": one.private_key + leaf,
        "must be signed by the next": one.private_key + leaf + other.anchor,
    }

    for rule, text in wrong.items():
        with pytest.raises(ValueError, match=rule):
            read_certificate(text)


def test_a_file_that_cannot_be_signed_is_retried() -> None:
    wrong = certificate_of(SECRET).chain

    with pytest.raises(RetriableError, match="version 1 cannot sign: must contain a private key"):
        sign(unsigned(), wrong)
