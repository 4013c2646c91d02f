"""Signatures, verified with the official library of Standard Webhooks."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from kit.keyring import Keyring
from services.notifications.signing import SecretRef, headers, secret_text

MASTERS = Keyring.parse("master")
BODY = '{"type":"request.status_changed","title":"größer"}'.encode()


def signed(*generations: int, master: int = 1, masters: Keyring = MASTERS) -> dict[str, str]:
    refs = [SecretRef(generation, master) for generation in generations]
    now = datetime.now(UTC)  # the library refuses a message of more than five minutes ago
    return headers(masters, "wh", refs, "01a0b9c4-980f-7b3e-8f60-2c4e6a8b0d1f", BODY, now)


def verifies(generation: int, said: dict[str, str], body: bytes = BODY) -> bool:
    try:
        Webhook(secret_text(MASTERS, "wh", SecretRef(generation, 1))).verify(body, said)
    except WebhookVerificationError:
        return False
    return True


def test_the_standard_library_of_webhooks_verifies_a_signature() -> None:
    assert verifies(1, signed(1))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_change_invalidates_the_signature(name: str) -> None:
    said = signed(1)
    assert not verifies(1, said, BODY + b" ")
    assert not verifies(1, {**said, name: said[name][:-1] + ("1" if said[name][-1] != "1" else "2")})


def test_in_the_grace_period_both_secrets_verify() -> None:
    said = signed(3, 2)
    assert [verifies(generation, said) for generation in (1, 2, 3, 4)] == [False, True, True, False]
    assert len(said["webhook-signature"].split(" ")) == 2


def test_a_secret_depends_on_the_webhook_and_the_master_secret() -> None:
    masters = Keyring.parse("one").rotated(b"other", datetime.now(UTC))
    texts = {
        secret_text(masters, name, SecretRef(generation, master))
        for master in (1, 2)
        for name in ("wh", "wh2")
        for generation in (1, 2)
    }
    assert len(texts) == 8
    assert all(text.startswith("whsec_") and len(text) == 6 + 44 for text in texts)


def test_a_new_master_secret_changes_no_secret_until_the_owner_rotates_it() -> None:
    rotated = MASTERS.rotated(b"new master", datetime.now(UTC))

    assert verifies(1, signed(1, masters=rotated))
    assert not verifies(1, signed(1, master=2, masters=rotated))
    both = headers(rotated, "wh", [SecretRef(2, 2), SecretRef(1, 1)], "m", BODY, datetime.now(UTC))
    assert verifies(1, both)
    assert Webhook(secret_text(rotated, "wh", SecretRef(2, 2))).verify(BODY, both)


def test_a_retired_master_secret_signs_nothing_any_more() -> None:
    assert not verifies(1, signed(1, masters=MASTERS.rotated(b"new master", datetime.now(UTC)).without(1)))
