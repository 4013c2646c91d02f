"""Erasures through all services on moto: with real items, in any order, twice, and with lost messages."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from moto import mock_aws

from events.catalog.prompt_approved import PromptApproved
from events.envelope import Event
from kit.errors import OwnerErasedError
from services.accounts.keys import Key
from services.accounts.owners import Owner, OwnerChangedError
from services.generation.models import Lease, WithdrawnError
from services.intake.deletion import erasure_of_request
from services.intake.models import IdempotencyRecord
from services.intake.tracking import add_event
from services.moderation.erasure import judged_events
from services.moderation.models import PromptVerdict
from services.moderation.repository import VerdictTable
from services.notifications.webhooks import Delivery, Webhook
from services.operations.dead_letters.letters import read_letter
from services.operations.dead_letters.ports import Quarantined
from services.operations.dead_letters.repository import NamedQueues
from services.privacy.models import REPEAT_AFTER, Erasure
from services.privacy.service import UnknownErasureError
from tests.support.erasure_on_moto import ErasingInstallation
from tests.support.events import sample
from tests.support.installation_on_moto import GALLERY, HANDOFF, PREFIX
from tests.support.templates import ROOT
from tools.docs.privacy import stores

OWNER = "demo"
PLANTED = "A lighthouse on a cliff"
"""Part of the prompt of every request of the installation."""
TEXTS = (PLANTED, "s1.")
"""What an erased owner's items must not contain. The second one starts every sealed text."""
HOURS = 3600


@pytest.fixture
def installation(
    aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ErasingInstallation]:
    monkeypatch.setattr("services.operations.dead_letters.repository.POLL_SECONDS", 0)
    with mock_aws():
        yield ErasingInstallation(service_template)


def fill(installation: ErasingInstallation) -> list[str]:
    """Let the owner have something in every store; return the ids of the requests."""
    now = installation.clock.now()
    ids = [installation.create_request(number, ago=timedelta(minutes=number + 1)) for number in range(3)]
    ids.append(installation.create_request(9, until="PromptApproved"))
    installation.add_key("a" * 12, OWNER, "Ada")
    installation.add_key("c" * 12, OWNER, "Ada")
    installation.add_key("b" * 12, "someone-else", "Ben")
    verdicts = VerdictTable(installation.dynamodb, f"{PREFIX}-moderation-verdicts", PromptVerdict)
    for request_id in ids:
        verdict = PromptVerdict(policy_version="1", decided_at=now, layers=["claude"])
        verdicts.record(judged_events(request_id)[0], verdict)
    installation.connections.add_ticket("digest", OWNER, now + timedelta(minutes=1))
    installation.connections.connect("digest", "c-1", now)
    webhook = Webhook("w" * 16, OWNER, "https://example.com/secret-path", PLANTED, ("succeeded",), now)
    installation.webhooks.add(webhook)
    installation.webhooks.save(Delivery("d-1", webhook.webhook_id, OWNER, ids[0], "succeeded", "{}", now, now))
    letter = dead_letter(installation, ids[0], "storage-store")
    quarantined = dead_letter(installation, ids[1], "generation-generate")
    queues = NamedQueues(installation.sqs, PREFIX, ("generation-generate",))
    (pair,) = queues.pairs()
    messages = queues.read(pair, limit=10, hidden_seconds=60)
    found = next(one for one in messages if quarantined.metadata.event_id in one.body)
    installation.quarantine.put(Quarantined(read_letter(pair, found), now, "ana"))
    queues.delete(pair, [found])
    assert letter.metadata.owner == OWNER
    return ids


def dead_letter(installation: ErasingInstallation, request_id: str, queue: str) -> Event:
    """Dead-letter an event of a request that has a prompt."""
    golden = sample("PromptApproved")
    metadata = golden.metadata.model_copy(update={"request_id": request_id, "owner": OWNER})
    event = golden.model_copy(update={"metadata": metadata})
    assert isinstance(event, PromptApproved)
    installation.dead_letter(queue, event)
    return event


def left(installation: ErasingInstallation, *texts: str) -> dict[str, list[str]]:
    """Return what contains one of ``texts``: by table, and the bodies of all dead letters."""
    tables = ("requests", "gallery", "generation", "operations", "accounts", "moderation-verdicts", "notifications")
    found = {
        table: [item for item in installation.raw_items(table) if any(text in item for text in texts)]
        for table in tables
    }
    for queue in ("storage-store", "generation-generate"):
        queues = NamedQueues(installation.sqs, PREFIX, (queue,))
        (pair,) = queues.pairs()
        messages = queues.read(pair, limit=10, hidden_seconds=60)
        queues.change_visibility(pair, messages, 0)
        found[queue] = [message.body for message in messages if any(text in message.body for text in texts)]
    return {name: items for name, items in found.items() if items}


def finish(installation: ErasingInstallation, **how: Any) -> None:
    """Deliver everything, and let the sweeper run until it has nothing to do any more."""
    installation.bus.deliver(**how)
    for _ in range(12):
        installation.clock.advance(6 * HOURS)
        report = installation.sweeper.run()
        assert not report.failures, report.failures
        installation.bus.deliver(**how)


def test_nothing_of_an_owner_is_left_but_what_the_receipt_names(installation: ErasingInstallation) -> None:
    ids = fill(installation)
    assert left(installation, *TEXTS).keys() >= {"requests", "gallery", "operations", "storage-store", "notifications"}

    erasure, secret = installation.erasures.start(OWNER)
    finish(installation)

    assert left(installation, *TEXTS) == {}
    assert left(installation, "example.com") == {}
    assert left(installation, OWNER).keys() == {"gallery"}, "deletion markers"
    assert installation.objects(GALLERY) == installation.objects(HANDOFF) == []
    assert "Versions" not in installation.s3.list_object_versions(Bucket=GALLERY)
    shown = installation.erasures.show(erasure.erasure_id, secret)
    receipt = {store.store: store for store in shown.stores}
    assert shown.completed_at is not None
    assert receipt["intake/requests"].erased == len(ids)
    assert receipt["storage/gallery"].erased == 3
    assert receipt["storage/gallery"].until == pytest.approx(
        installation.clock.now() + timedelta(days=60), abs=timedelta(days=3)
    )
    assert receipt["moderation/verdicts"].erased == len(ids)
    assert receipt["accounts/accounts"].erased == 3, "the owner and two keys"
    assert receipt["notifications/notifications"].erased == 4
    assert receipt["operations/operations"].erased == receipt["storage/store-dlq"].erased == 1
    assert receipt["platform/handoff"].erased == 3
    assert installation.sockets.closed == ["c-1"]
    assert len(installation.cdn.invalidated) == receipt["storage/gallery-files"].erased == 9
    assert installation.keys.find("a" * 12) is None
    assert left(installation, "Ada") == {}, "the name of the owner"
    assert installation.keys.find("b" * 12) is not None, "of another owner"
    assert installation.keys.owners.get("someone-else") is not None
    with pytest.raises(OwnerErasedError):
        installation.owner_keys.create(OWNER)


def test_an_erasure_finds_versions_of_files_that_were_deleted_by_mistake(installation: ErasingInstallation) -> None:
    ids = fill(installation)
    mistaken = installation.objects(GALLERY)[:4]
    for key in mistaken:
        installation.s3.delete_object(Bucket=GALLERY, Key=key)

    erasure, secret = installation.erasures.start(OWNER)
    finish(installation)

    assert ids
    assert "Versions" not in installation.s3.list_object_versions(Bucket=GALLERY)
    receipt = {store.store: store for store in installation.erasures.show(erasure.erasure_id, secret).stores}
    assert receipt["storage/gallery-files-versions"].erased == len(mistaken)


def test_the_receipt_says_which_copies_can_be_read(installation: ErasingInstallation) -> None:
    """A destroyed key makes sealed texts unreadable. Names, webhooks and the prompts of the gallery are not sealed."""
    fill(installation)
    erasure, secret = installation.erasures.start(OWNER)
    finish(installation)

    receipt: dict[str, Any] = {
        store.store: store for store in installation.erasures.show(erasure.erasure_id, secret).stores
    }
    unreadable = {name for name, store in receipt.items() if "nobody can read" in (store.remains or "")}
    sealed = {"analytics/counters", "generation/ledger", "intake/requests", "moderation/verdicts"}
    assert {f"{table}-backup" for table in sealed} < unreadable
    for table in ("accounts/accounts", "notifications/notifications", "storage/gallery"):
        assert f"{table}-backup" not in unreadable
    assert not {"storage/gallery-stream", "operations/backup-vault"} & unreadable
    days = {name: (store.until - installation.clock.now()).days for name, store in receipt.items() if store.until}
    assert days["storage/gallery-files-replica"] <= 8, "VersionRetentionDays and one more"
    assert 30 < days["operations/backup-vault"] <= 35
    copies = "copies of images, if backups of files are made, "
    assert f"{copies}until the next one, at most 35 days" in receipt["analytics/archive"].remains
    assert f"{copies}for 8 days after the next one" in receipt["analytics/archive-versions"].remains
    assert "copies of images" not in receipt["analytics/archive-replica"].remains, "only events are replicated"
    assert "the key in the last backup of the keys" in receipt["platform/owner-keys"].remains


OPTIONAL: Final = {"operations/cache"}
"""Stores that exist only with parameters that this installation does not set."""


def test_the_receipt_names_every_store_with_personal_data(installation: ErasingInstallation) -> None:
    """The names are those of docs/privacy.md, and a store that holds none is no error."""
    fill(installation)
    erasure, secret = installation.erasures.start(OWNER)
    finish(installation)

    shown = installation.erasures.show(erasure.erasure_id, secret)
    documented = {store.name: store for store in stores(ROOT)}
    assert {store.store for store in shown.stores} <= documented.keys()
    personal = {name for name, one in documented.items() if one.is_personal}
    assert personal - {store.store for store in shown.stores} == OPTIONAL
    assert all(store.reason for store in shown.stores if store.remains)


def test_an_erased_name_gets_another_id(installation: ErasingInstallation) -> None:
    fill(installation)
    installation.erasures.start(OWNER)
    finish(installation)

    again = installation.keys.owner_named("Ada", installation.clock.now())
    assert again.owner_id != OWNER
    assert again.changes == 0, "a new owner"
    stale = Owner(OWNER, "Ada", installation.clock.now(), changes=3)
    with pytest.raises(OwnerChangedError):
        installation.keys.add(Key("d" * 12, "digest", OWNER, "late", (), 1, 60, installation.clock.now()), stale)


@pytest.mark.parametrize("seed", range(3))
def test_events_may_arrive_in_any_order_and_twice(installation: ErasingInstallation, seed: int) -> None:
    fill(installation)
    chance = random.Random(seed)

    erasure, secret = installation.erasures.start(OWNER)
    finish(installation, choose=chance.randrange, twice=True)

    assert left(installation, *TEXTS) == {}
    assert left(installation, OWNER).keys() == {"gallery"}
    assert installation.erasures.show(erasure.erasure_id, secret).completed_at is not None


def test_the_sweeper_repeats_what_was_lost(installation: ErasingInstallation) -> None:
    fill(installation)
    chance = random.Random(7)
    installation.bus.lost = lambda _step, _event: chance.random() < 0.4
    erasure, secret = installation.erasures.start(OWNER)
    installation.bus.deliver()

    assert installation.erasures.show(erasure.erasure_id, secret).completed_at is None
    installation.bus.lost = lambda _step, _event: False
    finish(installation)

    assert left(installation, *TEXTS) == {}
    assert installation.erasures.show(erasure.erasure_id, secret).completed_at is not None


def test_an_erasure_whose_event_was_never_published_is_completed(installation: ErasingInstallation) -> None:
    fill(installation)
    now = installation.clock.now()
    installation.erasure_table.start(Erasure("5f0d9c3e-6a1b-4c2d-8e7f-9a0b1c2d3e4f", OWNER, "owner", now), "hash")

    assert installation.sweeper.run().repeated == 0, "its answers may be on their way"
    installation.clock.advance(REPEAT_AFTER.total_seconds())
    assert installation.sweeper.run().repeated == 1
    finish(installation)

    assert left(installation, *TEXTS) == {}


def test_later_sweeps_erase_what_was_on_its_way(installation: ErasingInstallation) -> None:
    (first, *_) = fill(installation)
    installation.erasures.start(OWNER)
    installation.bus.deliver()
    assert left(installation, *TEXTS).keys() == {"notifications"}, "a disabled webhook"
    # A model answers late, a verdict is recorded late, and a cached key has accepted another request.
    installation.s3.put_object(Bucket=HANDOFF, Key=f"raw/{first}/0-late", Body=b"late")
    verdicts = VerdictTable(installation.dynamodb, f"{PREFIX}-moderation-verdicts", PromptVerdict)
    verdict = PromptVerdict(policy_version="1", decided_at=installation.clock.now(), layers=["claude"])
    verdicts.record(judged_events(first)[1], verdict)
    late = installation.create_request(77)
    assert left(installation, *TEXTS).keys() == {"requests", "gallery", "notifications"}

    finish(installation)

    assert left(installation, *TEXTS) == {}
    assert installation.raw_items("moderation-verdicts") == []
    assert installation.objects(HANDOFF) == installation.objects(GALLERY) == []
    assert installation.requests.is_erased(late)
    sweeps = {event.data.sweep for event in installation.started()}
    assert sweeps == {1, 2, 3}


def test_late_events_of_an_erased_request_change_nothing(installation: ErasingInstallation) -> None:
    (first, *_) = fill(installation)
    installation.erasures.start(OWNER)
    finish(installation)
    golden = sample("ImageStored")
    late = golden.model_copy(update={"metadata": golden.metadata.model_copy(update={"request_id": first})})

    assert add_event(installation.requests, late) is None
    now = datetime.now(UTC)
    with pytest.raises(WithdrawnError):
        installation.ledger.claim(first, 1, Lease("late", now, now + timedelta(minutes=6)), 5)


def test_one_request_is_erased_with_its_images(installation: ErasingInstallation) -> None:
    first, second, *_ = fill(installation)
    event = erasure_of_request(first, OWNER, installation.clock.now())

    installation.bus.publish([event])
    finish(installation)

    assert not any(first in item for item in installation.raw_items("gallery") if PLANTED in item)
    assert any(second in item for item in installation.raw_items("gallery") if PLANTED in item)
    assert installation.requests.is_erased(first)
    assert not installation.requests.is_erased(second)
    assert not any(first in key for key in installation.objects(GALLERY) + installation.objects(HANDOFF))
    assert left(installation, first).get("storage-store") is None, "its dead letter"
    assert installation.keys.find("a" * 12) is not None
    erasure, _ = installation.erasure_table.find(event.data.erasure_id)
    assert erasure.completed_at is not None
    installation.owner_keys.create(OWNER)


def test_requests_of_another_owner_are_not_erased(installation: ErasingInstallation) -> None:
    (first, *_) = fill(installation)

    installation.bus.publish([erasure_of_request(first, "someone-else", installation.clock.now())])
    installation.bus.deliver()

    assert installation.requests.read_state(first).owner == OWNER
    assert any(first in item for item in installation.raw_items("gallery") if PLANTED in item)


def test_a_second_call_returns_the_erasure_that_runs(installation: ErasingInstallation) -> None:
    erasure, one = installation.erasures.start(OWNER)

    again, other = installation.erasures.start(OWNER)

    assert again == erasure
    assert installation.erasures.show(erasure.erasure_id, one) == installation.erasures.show(erasure.erasure_id, other)
    finish(installation)
    assert installation.erasures.start(OWNER)[0].erasure_id != erasure.erasure_id


def test_a_receipt_needs_its_secret(installation: ErasingInstallation) -> None:
    erasure, secret = installation.erasures.start(OWNER)

    for erasure_id, presented in ((erasure.erasure_id, ""), (erasure.erasure_id, secret[:-1]), ("unknown", secret)):
        with pytest.raises(UnknownErasureError):
            installation.erasures.show(erasure_id, presented)
    assert secret not in str(installation.raw_items("privacy"))


def test_the_responses_to_idempotency_keys_are_erased(installation: ErasingInstallation) -> None:
    now = installation.clock.now()
    event, state = _request(installation)
    record = IdempotencyRecord(OWNER, "order-1", "digest", "[]", now + timedelta(hours=24))
    installation.requests.create([(event, state)], record)

    installation.erasures.start(OWNER)
    finish(installation)

    assert left(installation, OWNER) == {}


def _request(installation: ErasingInstallation) -> Any:
    from services.intake.creation import new_state

    parameters: Any = sample("ImageRequested").data.parameters
    return new_state(sample("ImageRequested").metadata.request_id, OWNER, parameters, installation.clock.now())
