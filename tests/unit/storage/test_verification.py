"""Who has signed a file, and whether it was changed: with files that are stripped, altered, forged and damaged."""

import io
import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from c2pa import Builder, C2paSignerInfo, Context, Settings, Signer
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from PIL import Image

from events.options import OutputFormat
from services.storage import certificates
from services.storage.certificates import SigningCertificate, certificate_of
from services.storage.content_credentials import SETTINGS
from services.storage.variants import EncodedFile
from services.storage.verification import UnreadableFileError, Verification, media_type_of, verify
from tests.unit.storage.test_content_credentials import ORIGIN, SECRET, sign, unsigned

OURS = (certificate_of(b"an older version"), certificate_of(SECRET))
MUTATIONS = 150


def check(content: bytes, ours: tuple[SigningCertificate, ...] = OURS) -> Verification:
    media_type = media_type_of(content)
    assert media_type is not None
    return verify(content, media_type, ours)


def signed(output_format: OutputFormat = "png") -> EncodedFile:
    return sign(unsigned(output_format)).original


def added(before: bytes, after: bytes) -> range:
    """Return the positions of the bytes in ``after`` that ``before`` does not have."""
    start = _common(before, after)
    return range(start, len(after) - _common(before[start:][::-1], after[::-1]))


def _common(one: bytes, other: bytes) -> int:
    """Return the length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((position for position, (left, right) in pairs if left != right), min(len(one), len(other)))


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_a_signed_file_names_us_the_model_and_the_time(output_format: OutputFormat) -> None:
    assert check(signed(output_format).content) == Verification(
        "signed_by_us", "GenAI Image Generator", True, "nova-canvas", ORIGIN.generated_at.replace(microsecond=0)
    )


def test_a_replaced_version_still_counts_as_ours() -> None:
    assert check(sign(unsigned(), b"an older version").original.content).status == "signed_by_us"


def test_a_forger_who_uses_our_name_is_somebody_else() -> None:
    forged = sign(unsigned(), b"the secret of a forger").original.content

    assert check(forged) == Verification("signed_by_another", "GenAI Image Generator", True)


def test_another_certificate_of_our_issuer_is_somebody_else() -> None:
    mine = certificate_of(SECRET)
    other = replace(mine, serial_number=mine.serial_number + 1)

    assert check(signed().content, (other,)).status == "signed_by_another"


def test_a_file_of_somebody_else_that_no_model_generated() -> None:
    theirs = certificate_of(b"a camera")
    signer = Signer.from_info(C2paSignerInfo(b"es256", theirs.chain, theirs.private_key, None))
    source = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    action = {"action": "c2pa.created", "digitalSourceType": source}
    manifest = {
        "claim_generator_info": [{"name": "camera"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    file, target = unsigned().original, io.BytesIO()
    Builder(manifest, Context(Settings.from_dict(SETTINGS))).sign(
        signer, file.media_type, io.BytesIO(file.content), target
    )

    found = check(target.getvalue())
    assert (found.status, found.ai_generated, found.model) == ("signed_by_another", False, None)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_a_stripped_file_is_unsigned(output_format: OutputFormat) -> None:
    assert check(unsigned(output_format).original.content) == Verification("unsigned")
    with Image.open(io.BytesIO(signed(output_format).content)) as image:
        target = io.BytesIO()
        image.save(target, image.format)
    assert check(target.getvalue()) == Verification("unsigned")


def test_credentials_that_were_moved_to_another_image_are_altered() -> None:
    credentials = signed().content
    start = credentials.index(b"caBX") - 4
    length = int.from_bytes(credentials[start : start + 4]) + 12
    other = sign(unsigned(width=64)).original.content
    theirs = other.index(b"caBX") - 4
    end = theirs + int.from_bytes(other[theirs : theirs + 4]) + 12

    moved = other[:theirs] + credentials[start : start + length] + other[end:]
    assert check(moved) == Verification("altered")


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_no_changed_byte_lets_a_file_say_something_else(output_format: OutputFormat) -> None:
    file, chance = signed(output_format), random.Random(32)
    expected, credentials = check(file.content), added(unsigned(output_format).original.content, file.content)
    seen = set()
    for _ in range(MUTATIONS):
        content = bytearray(file.content)
        position = chance.randrange(16, len(content))
        content[position] ^= 1 << chance.randrange(8)
        try:
            found = check(bytes(content))
        except UnreadableFileError:
            continue
        seen.add(found.status)
        if found.status == "signed_by_us":  # the change is in padding that nobody reads
            assert found == expected
            assert position in credentials
        else:
            assert found == Verification(found.status)
    assert "altered" in seen


def test_a_file_that_was_cut_off_is_altered_or_unreadable() -> None:
    content = signed().content
    assert check(content[:-100]) == Verification("altered")
    with pytest.raises(UnreadableFileError):
        check(unsigned().original.content[:20])


def test_an_expired_certificate_is_not_an_alteration() -> None:
    content = sign(unsigned(), expiring(timedelta(seconds=2))).original.content
    assert check(content).status in {"signed_by_us", "expired"}

    deadline = time.monotonic() + 30
    while (found := check(content)).status != "expired" and time.monotonic() < deadline:
        assert found.status == "signed_by_us"
    assert found == Verification("expired")


def expiring(after: timedelta) -> bytes:
    """Return our key with a certificate of our issuer that is valid for a short time, in PEM."""
    ours, now = certificate_of(SECRET), datetime.now(UTC)
    leaf = x509.load_pem_x509_certificate(ours.chain)
    builder = x509.CertificateBuilder(leaf.issuer, leaf.subject, leaf.public_key(), leaf.serial_number)
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + after)
    for extension in leaf.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    certificate = builder.sign(certificates._private_key(b"issuer", SECRET), SHA256())
    return ours.private_key + certificate.public_bytes(Encoding.PEM) + ours.anchor


@pytest.mark.parametrize("content", [b"", b"hello", b"GIF89a", b"RIFF\0\0\0\0WAVE", b"<svg/>", b"%PDF-1.7"])
def test_other_files_have_no_type(content: bytes) -> None:
    assert media_type_of(content) is None
