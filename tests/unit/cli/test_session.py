"""Edited messages, the quarantine, and the audit trail."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from cli import quarantine as quarantining
from cli.editing import EditReplayer, edit
from events.catalog.message_replayed import MessageReplayed
from kit.trail import Action, Operator, recorded
from services.operations.dead_letters.letters import DeadLetter, Outcome
from services.operations.dead_letters.ports import TimelineLine
from services.operations.dead_letters.replaying import ReplayOptions, quarantine_all
from services.operations.dead_letters.reservation import reserve
from services.operations.dead_letters.session import OperatorSession
from tests.support.events import RecordingBus, eventbridge_body
from tests.support.sealing import sample_sealer
from tests.unit.operations.fakes import (
    START,
    STORE,
    FakeQuarantine,
    FakeQueues,
    FakeStates,
    FakeTrail,
    approved,
    stalled,
)

OPTIONS = ReplayOptions(operator="on-call")
ON_CALL = Operator("on-call", "arn:aws:iam::123456789012:user/ada")


class Place:
    """An installation in memory."""

    def __init__(self) -> None:
        self.queues = FakeQueues(STORE)
        self.states = FakeStates()
        self.bus = RecordingBus()
        self.quarantined = FakeQuarantine()
        self.trail = FakeTrail()
        self.session = OperatorSession(ON_CALL, self.queues, self.states, self.bus, self.quarantined, self.trail)

    def dead(self, number: int = 1, *, replays: int = 0, count: int = 2) -> DeadLetter:
        body = json.loads(eventbridge_body(approved(number, replays=replays)))
        body["detail"]["data"]["parameters"]["count"] = count
        self.queues.put(STORE, json.dumps(body), stalled())
        return reserve(self.queues, [STORE], limit=10)[-1]


@pytest.fixture
def place() -> Place:
    return Place()


def test_an_edit_is_published_as_a_replay_and_deletes_the_original(place: Place) -> None:
    letter = place.dead(count=9)
    edited = edit(letter, {"data.parameters.count": 1}, sample_sealer())

    outcome = EditReplayer.of(place.session, OPTIONS).edit(letter, edited)

    assert outcome.action == "edited"
    (announced,) = place.bus.events
    assert isinstance(announced, MessageReplayed)
    assert letter.metadata is not None
    assert announced.data.replayed_event_id == letter.metadata.event_id
    assert announced.data.edited_event_id == edited.event_id
    assert announced.data.replays == 1
    assert place.queues.sent[str(STORE.source_url)] == [edited.body]
    assert place.queues.dead[STORE.url] == []


def test_two_edits_of_one_message_publish_two_events(place: Place) -> None:
    letter = place.dead(count=9)
    for count in (1, 3):
        EditReplayer.of(place.session, OPTIONS).edit(
            letter, edit(letter, {"data.parameters.count": count}, sample_sealer())
        )

    assert len({event.metadata.event_id for event in place.bus.events}) == 2


@pytest.mark.parametrize("status", ["storing", "stalled"])
def test_an_edited_message_is_not_sent_to_a_completed_step(place: Place, status: str) -> None:
    letter = place.dead(count=9)
    assert letter.metadata is not None
    image = replace(letter, queue=replace(STORE, step="moderation.image"))
    place.states.default = status
    place.states.lines[letter.metadata.request_id] = [TimelineLine(START, "ImageApproved", "e")]

    outcome = EditReplayer.of(place.session, OPTIONS).edit(
        image, edit(letter, {"data.parameters.count": 1}, sample_sealer())
    )

    assert (outcome.action, place.bus.events) == ("refused", [])
    assert EditReplayer.of(place.session, OPTIONS).judge_edit(letter).verdict == "replay", "storing itself is not done"


def test_a_message_replayed_too_often_is_quarantined_on_request(place: Place) -> None:
    place.dead(1, replays=3)
    place.dead(2)
    place.queues.hidden.clear()
    letters = reserve(place.queues, [STORE], limit=10)

    replayer = place.session.replayer(ReplayOptions(operator="on-call", quarantine=True))
    done = list(replayer.run(replayer.plan(letters)))

    assert sorted(outcome.action for outcome in done) == ["quarantined", "replayed"]
    (kept,) = place.quarantined.items()
    assert (kept.letter.replays, kept.by) == (3, "on-call")
    assert place.queues.dead[STORE.url] == []


def test_a_crash_during_quarantine_leaves_two_copies(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = place.dead()

    def crash(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(place.queues, "delete", crash)
    with pytest.raises(ConnectionError):
        list(quarantine_all(place.queues, place.quarantined, [letter], "on-call", START))

    assert len(place.quarantined.kept) == len(place.queues.dead[STORE.url]) == 1


def test_a_released_message_goes_to_its_step(place: Place) -> None:
    letter = place.dead(replays=3)
    list(quarantine_all(place.queues, place.quarantined, [letter], "on-call", START))
    items = place.quarantined.items()
    replayer = place.session.replayer(
        ReplayOptions(operator="on-call", max_replays=9),
        quarantining.QuarantinedQueues(place.queues, place.quarantined, items),
    )

    (outcome,) = replayer.run(replayer.plan([item.letter for item in items]))

    assert outcome.action == "replayed"
    assert place.quarantined.items() == []
    (body,) = place.queues.sent[str(STORE.source_url)]
    assert json.loads(body)["detail"]["metadata"]["replays"] == 4


def test_messages_of_terminal_requests_are_not_released(place: Place) -> None:
    letter = place.dead()
    list(quarantine_all(place.queues, place.quarantined, [letter], "on-call", START))
    place.states.default = "expired"
    items = place.quarantined.items()
    replayer = place.session.replayer(OPTIONS, quarantining.QuarantinedQueues(place.queues, place.quarantined, items))

    (outcome,) = replayer.run(replayer.plan([item.letter for item in items]))

    assert (outcome.action, len(place.quarantined.items())) == ("refused", 1)
    assert [done.action for done in quarantining.discard_all(place.quarantined, items)] == ["discarded"]
    assert place.quarantined.items() == []


def test_an_action_is_recorded_before_and_its_outcome_after(place: Place) -> None:
    letter = place.dead()
    replayer = place.session.replayer(OPTIONS)
    action = place.session.action("replay", [letter], {"fingerprint": letter.fingerprint, "step": None})
    outcomes = place.session.carry_out(action, replayer.run(replayer.plan([letter])))

    next(outcomes)
    (begun,) = place.trail.written
    assert begun.outcome is None
    list(outcomes)

    done = place.trail.latest(1)[0]
    assert (done.verb, done.operator, dict(done.outcome or {})) == ("replay", "on-call", {"replayed": 1})
    assert done.about == {"fingerprint": letter.fingerprint}
    assert letter.metadata is not None
    assert (list(done.event_ids), list(done.request_ids)) == ([letter.metadata.event_id], [letter.metadata.request_id])
    assert done.finished_at is not None
    assert done.finished_at - done.at < timedelta(minutes=1)


def test_an_interrupted_action_records_its_progress(place: Place) -> None:
    letter = place.dead()

    def steps() -> Iterator[Outcome]:
        yield Outcome(letter, "replayed")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        list(place.session.carry_out(place.session.action("replay", [letter], {}), steps()))

    (action,) = place.trail.latest(1)
    assert (action.error, dict(action.outcome or {})) == ("ConnectionError", {"replayed": 1})


def test_nothing_is_changed_if_the_trail_cannot_be_written(place: Place) -> None:
    class Broken(FakeTrail):
        def begin(self, action: Action) -> None:
            raise ConnectionError

    done = False
    with pytest.raises(ConnectionError), recorded(Broken(), place.session.action("purge", [], {})):
        done = True
    assert not done
