"""Decoding dead letters of all origins and with any body."""

import json
from datetime import timedelta

import pytest

from services.operations.dead_letters.letters import Message, Selection, by_fingerprint, collapse, read_letter
from tests.support.events import sample
from tests.unit.operations.fakes import RECORD, START, STORE, FakeQueues, approved, stalled, with_metadata


def put(body: object, attributes: dict[str, str] | None = None, *, age: float = 0) -> Message:
    return FakeQueues(STORE).put(STORE, body, attributes, age=age)  # type: ignore[arg-type]


def test_a_letter_from_the_consumer_has_reason_and_time() -> None:
    letter = read_letter(STORE, put(approved(), stalled()))

    assert (letter.origin, letter.error, letter.fingerprint) == ("consumer", "KeyError", "aaaabbbbcccc")
    assert letter.reason == "at services/storage/service.py:12 in store"
    assert letter.first_seen == START - timedelta(hours=1)
    assert letter.detail_type == "ImageApproved"


def test_a_letter_moved_by_sqs_has_no_attributes() -> None:
    letter = read_letter(STORE, put(approved(), age=60))

    assert letter.origin == "redrive"
    assert letter.first_seen == START - timedelta(seconds=60)
    assert len(letter.fingerprint) == 12


def test_a_letter_from_a_rule_has_eventbridges_reason() -> None:
    why = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not allowed to send", "RULE_ARN": "arn:aws:events:…"}
    letter = read_letter(STORE, put(approved(), why))

    assert (letter.origin, letter.error, letter.reason) == ("rule", "NO_PERMISSIONS", "not allowed to send")


def test_fingerprints_depend_on_step_and_kind_of_failure() -> None:
    crash = read_letter(STORE, put(approved(1)))
    same = read_letter(STORE, put(approved(2)))
    elsewhere = read_letter(RECORD, put(approved(1)))
    undelivered = read_letter(STORE, put(approved(1), {"ERROR_CODE": "NO_PERMISSIONS"}))

    assert crash.fingerprint == same.fingerprint
    assert len({crash.fingerprint, elsewhere.fingerprint, undelivered.fingerprint}) == 3


@pytest.mark.parametrize(
    "body",
    ["", "not json", "[]", "null", '"text"', "{}", '{"detail-type": "X", "detail": 1}', "[" * 100_000],
    ids=lambda body: body[:12] or "empty",
)
def test_a_body_that_is_not_an_event_is_a_letter_without_metadata(body: str) -> None:
    letter = read_letter(STORE, put(body))

    assert letter.metadata is None
    assert letter.to_dict()["request_id"] is None
    with pytest.raises(ValueError, match="not an event"):
        letter.replay_body()


def test_a_replay_changes_only_the_number_of_replays() -> None:
    message = put(approved(replays=1))
    before, after = json.loads(message.body), json.loads(read_letter(STORE, message).replay_body())

    assert after["detail"]["metadata"].pop("replays") == 2
    assert before["detail"]["metadata"].pop("replays") == 1
    assert after == before


def test_a_shown_letter_never_contains_the_prompt() -> None:
    event = sample("ImageApproved")
    letter = read_letter(STORE, put(event, stalled()))

    told_text = json.dumps(letter.to_dict(), ensure_ascii=False)
    assert event.data.parameters.prompt not in told_text
    assert "lighthouse" not in told_text


def test_copies_are_one_letter_represented_by_the_most_replayed() -> None:
    old, new = put(approved(replays=0), stalled(), age=50), put(approved(replays=1), stalled(), age=10)
    letters = collapse([read_letter(STORE, old), read_letter(STORE, new), read_letter(STORE, put(approved(2)))])

    assert len(letters) == 2
    merged = next(letter for letter in letters if len(letter.messages) == 2)
    assert merged.replays == 1
    assert merged.messages[0] == new


def test_one_event_dead_lettered_by_two_steps_stays_two_letters() -> None:
    letters = collapse([read_letter(STORE, put(approved())), read_letter(RECORD, put(approved()))])

    assert {letter.queue.step for letter in letters} == {"storage.store", "analytics.record"}


def test_invalid_bodies_are_never_copies_of_each_other() -> None:
    queues = FakeQueues(STORE)
    letters = collapse(read_letter(STORE, queues.put(STORE, "poison")) for _ in range(2))

    assert len(letters) == 2


def test_groups_are_listed_largest_first() -> None:
    letters = [
        read_letter(STORE, put(approved(1), stalled(fingerprint="rare"))),
        read_letter(STORE, put(approved(2), stalled(fingerprint="common"))),
        read_letter(STORE, put(approved(3), stalled(fingerprint="common"))),
    ]

    assert [[letter.fingerprint for letter in group] for group in by_fingerprint(letters)] == [
        ["common", "common"],
        ["rare"],
    ]


def test_a_selection_matches_requests_and_prefixes_of_fingerprints() -> None:
    one = read_letter(STORE, put(approved(1), stalled(fingerprint="aaaa1111")))
    two = read_letter(STORE, put(approved(2), stalled(fingerprint="bbbb2222")))
    poison = read_letter(STORE, put("poison"))
    everything = [one, two, poison]

    assert one.metadata is not None
    assert Selection().of(everything) == everything
    assert Selection(request_id=one.metadata.request_id).of(everything) == [one]
    assert Selection(fingerprint="bbbb").of(everything) == [two]
    assert Selection(fingerprint="bbbb", request_id=one.metadata.request_id).of(everything) == []


@pytest.mark.parametrize("name", ["storage.store", "dev-storage-store", "dev-storage-store-dlq"])
def test_a_queue_can_be_named_by_step_or_by_either_name(name: str) -> None:
    assert STORE.answers_to(name)
    assert not RECORD.answers_to(name)


def test_a_replayed_message_keeps_its_id_so_that_consumers_know_it_again() -> None:
    event = with_metadata(approved(), replays=2)
    body = json.loads(read_letter(STORE, put(event)).replay_body())

    assert body["detail"]["metadata"]["event_id"] == event.metadata.event_id
