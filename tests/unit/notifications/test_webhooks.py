"""Webhooks: recipients, attempts and results of deliveries."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from events.catalog.request_status_changed import RequestStatusChanged, RequestStatusChangedData
from events.envelope import Event
from events.pipeline import TERMINAL
from kit.consumer import Consumer, EachMessage
from kit.errors import InProgressError, UnprocessableError
from kit.keyring import Keyring
from services.notifications.deliveries import (
    LEASE,
    NO_TIME_LEFT,
    PAUSE_MAX,
    PAUSES,
    CallTime,
    Deliver,
    Reply,
    requested_pause,
)
from services.notifications.push import Push
from services.notifications.webhooks import ATTEMPTS_KEPT, Delivery, Webhook, WebhookDue, again, due, ping
from tests.support.events import RecordingBus, RecordingQueue, sqs_record
from tests.unit.notifications.fakes import (
    InMemoryAudience,
    InMemorySockets,
    InMemoryWebhooks,
    RecordingDueQueue,
    RecordingSockets,
    ScriptedCaller,
)

STATUSES = tuple(TERMINAL)
MASTERS = Keyring.parse("master")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
HOOK = Webhook("w3bhookexample22", "demo", "https://example.com/hook", "", STATUSES, NOW - timedelta(days=1))
DOWN = Reply(500, 40)


def moved(status: str = "succeeded", owner: str = "demo", at: datetime = NOW) -> RequestStatusChanged:
    data = RequestStatusChangedData(status=status, previous="storing", sequence=4)
    return RequestStatusChanged.first(REQUEST, owner, data, occurred_at=at, index=4)


class Delivering:
    """One delivery with a clock that tests set."""

    def __init__(self, *replies: Reply, webhook: Webhook = HOOK) -> None:
        self.store, self.caller, self.now = InMemoryWebhooks(), ScriptedCaller(*replies), NOW
        self.store.add(webhook)
        self.message = due(webhook, moved())

    def run(self, message: WebhookDue | None = None) -> None:
        deliver = Deliver(self.store, self.caller, lambda: MASTERS, lambda: self.now, lambda: 1.0)
        deliver(message or self.message)

    def run_until_over(self) -> list[float]:
        """Deliver as the queue does; return the pauses between the attempts."""
        pauses = []
        while True:
            try:
                self.run()
            except InProgressError as later:
                pauses.append(later.seconds)
                self.now += timedelta(seconds=later.seconds)
            else:
                return pauses

    @property
    def record(self) -> Delivery:
        (found,) = self.store.log.values()
        return found


def queued(*webhooks: Webhook, event: RequestStatusChanged) -> list[WebhookDue]:
    store, queue = InMemoryWebhooks(), RecordingDueQueue()
    for webhook in webhooks:
        store.add(webhook)
    Push(InMemoryAudience(InMemorySockets(), store), RecordingSockets(), queue)(event)
    return queue.sent


# Recipients ----------------------------------------------------------------------------------------------------------


def test_webhooks_are_notified_of_their_statuses() -> None:
    all_of_it = replace(HOOK, webhook_id="a" * 16, statuses=("checking", "succeeded"))
    others = replace(HOOK, webhook_id="b" * 16, owner="mallory")

    assert [each.data.webhook_id for each in queued(HOOK, all_of_it, others, event=moved())] == [
        "a" * 16,
        HOOK.webhook_id,
    ]
    assert [each.data.webhook_id for each in queued(HOOK, all_of_it, event=moved("checking"))] == ["a" * 16]


def test_a_webhook_gets_no_events_before_creation_or_after_deletion() -> None:
    assert queued(replace(HOOK, created_at=NOW + timedelta(seconds=1)), event=moved()) == []
    assert queued(replace(HOOK, disabled_at=NOW), event=moved()) == []
    assert len(queued(replace(HOOK, created_at=NOW), event=moved())) == 1


def test_a_webhook_for_named_requests_is_notified_of_those_only() -> None:
    named = replace(HOOK, requests="named")
    event = moved()
    to_it, to_another = (
        event.model_copy(update={"data": event.data.model_copy(update={"webhook_id": name})})
        for name in (HOOK.webhook_id, "b" * 16)
    )

    assert [len(queued(named, event=each)) for each in (event, to_it, to_another)] == [0, 1, 0]
    assert [len(queued(HOOK, event=each)) for each in (event, to_it, to_another)] == [1, 1, 1]


def test_an_event_queued_twice_is_one_delivery() -> None:
    (first,), (second,) = queued(HOOK, event=moved()), queued(HOOK, event=moved())

    assert first == second
    assert UUID(first.data.delivery_id).version == 7
    other = due(replace(HOOK, webhook_id="b" * 16), moved())
    assert other.data.delivery_id != first.data.delivery_id
    assert other.metadata.event_id != first.metadata.event_id


def test_ids_of_deliveries_sort_by_the_time_of_events() -> None:
    ids = [due(HOOK, moved(at=NOW + timedelta(seconds=second))).data.delivery_id for second in range(20)]
    assert ids == sorted(ids)


# Attempts-------------------------------------------------------------------------------------------------------------


def test_an_accepted_delivery_is_not_sent_again() -> None:
    delivering = Delivering()
    for _ in range(3):
        delivering.run()

    ((url, body, headers),) = delivering.caller.calls
    assert url == HOOK.url
    assert body.decode() == delivering.message.data.body
    assert headers["webhook-id"] == delivering.message.data.delivery_id
    assert headers["content-type"] == "application/json"
    assert (delivering.record.state, delivering.record.tries) == ("delivered", 1)
    assert [(each.status, each.error) for each in delivering.record.attempts] == [(204, None)]


def test_failed_attempts_are_repeated_with_growing_pauses() -> None:
    delivering = Delivering(DOWN, Reply(None, 15_000, error="no answer in time"), Reply(301, 5))

    assert delivering.run_until_over() == [5, 30, 120]

    assert [(each.status, each.error) for each in delivering.record.attempts] == [
        (500, "HTTP 500"),
        (None, "no answer in time"),
        (301, "HTTP 301"),
        (204, None),
    ]
    assert delivering.record.state == "delivered"
    assert len({(body, headers["webhook-id"]) for _, body, headers in delivering.caller.calls}) == 1
    assert len({headers["webhook-timestamp"] for _, _, headers in delivering.caller.calls}) == 4


def test_after_the_last_attempt_the_delivery_is_no_dead_letter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    delivering = Delivering(*[DOWN] * 20)

    assert delivering.run_until_over() == list(PAUSES)
    assert '"outcome":"abandoned"' in capsys.readouterr().out.replace(" ", "")

    assert len(delivering.caller.calls) == len(PAUSES) + 1 == 9
    assert delivering.now - NOW == timedelta(seconds=sum(PAUSES))
    assert timedelta(hours=12) < delivering.now - NOW < timedelta(days=1)
    assert delivering.record.state == "failed"
    delivering.run()  # the message is delivered again after a crash
    assert len(delivering.caller.calls) == 9


@pytest.mark.parametrize(
    ("step", "kind", "message"),
    [
        ("notifications.webhook", WebhookDue, due(HOOK, moved())),
        ("notifications.push", RequestStatusChanged, moved()),
    ],
)
def test_an_unprocessable_message_is_dead_lettered_without_an_event(step: str, kind: Any, message: Event) -> None:
    queue, bus = RecordingQueue(), RecordingBus()

    def give_up(_event: Event) -> list[Event]:
        raise UnprocessableError("given up")

    consume = Consumer(step, [kind], EachMessage(give_up), queue=queue, bus=bus)
    answer = consume({"Records": [sqs_record(message.as_delivered())]})

    ((body, attributes),) = queue.dead
    assert body == message.as_delivered()
    assert (attributes["step"], attributes["reason"]) == (step, "given up")
    assert bus.events == []
    assert answer == {"batchItemFailures": []}


def test_slow_servers_of_one_owner_do_not_take_the_time_of_others() -> None:
    store, caller, seconds = InMemoryWebhooks(), ScriptedCaller(*[Reply(204, 15_000)] * 50), [0.0]
    call_time = CallTime(lambda: seconds[0])
    hooks = [replace(HOOK, webhook_id=letter * 16, owner=owner) for letter, owner in (("a", "slow"), ("b", "quick"))]
    for hook in hooks:
        store.add(hook)
    deliver = Deliver(store, caller, lambda: MASTERS, lambda: NOW, lambda: 1.0, call_time)

    def sent(hook: Webhook, count: int) -> int:
        before, request = len(caller.calls), moved(owner=hook.owner)
        for _ in range(count):
            about = request.metadata.model_copy(update={"event_id": str(uuid4())})
            with suppress(InProgressError):
                deliver(due(hook, request.model_copy(update={"metadata": about})))
        return len(caller.calls) - before

    assert sent(hooks[0], 20) == 4, "the burst of a minute"
    assert sent(hooks[1], 1) == 1
    seconds[0] = 75
    assert sent(hooks[0], 20) == 1, "a fifth of the time"
    skipped = [each for each in store.log.values() if each.state == "pending"]
    assert {(each.tries, each.attempts[-1].error) for each in skipped} == {(1, NO_TIME_LEFT)}


def test_the_next_attempt_waits_in_the_queue() -> None:
    delivering, queue = Delivering(Reply(503, 4, "600")), RecordingQueue()
    deliver = Deliver(delivering.store, delivering.caller, lambda: MASTERS, lambda: NOW, lambda: 1.0)
    consume = Consumer("notifications.webhook", [WebhookDue], EachMessage(deliver), queue=queue, bus=RecordingBus())

    record = sqs_record(delivering.message.as_delivered())
    answer = consume({"Records": [record]})

    assert queue.delayed == [(record["receiptHandle"], 600)]
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}


def test_a_webhook_that_returns_410_is_disabled() -> None:
    delivering = Delivering(Reply(410, 3))
    delivering.run()

    assert delivering.record.state == "failed"
    webhook = delivering.store.webhook("demo", HOOK.webhook_id)
    assert webhook is not None
    assert webhook.disabled_at == NOW
    delivering.run(ping(webhook, REQUEST, NOW))
    assert len(delivering.caller.calls) == 1


def test_a_deleted_webhook_is_not_called() -> None:
    delivering = Delivering()
    delivering.store.remove("demo", HOOK.webhook_id)
    delivering.run()

    assert delivering.caller.calls == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("120", 120),
        (" 7 ", 7),
        (format_datetime(NOW + timedelta(minutes=3), usegmt=True), 180),
        (format_datetime(NOW - timedelta(minutes=3), usegmt=True), 0),
        ("99999999999", PAUSE_MAX),
        ("-5", 0),
        ("soon", 0),
        ("²", 0),
        ("", 0),
    ],
)
def test_both_forms_of_retry_after_are_parsed(header: str | None, seconds: float) -> None:
    assert requested_pause(header, NOW) == seconds


def test_retry_after_lengthens_the_pause_and_never_shortens_it() -> None:
    assert Delivering(Reply(429, 2, "90"), Reply(503, 2, "1")).run_until_over() == [90, 30]


# Twice, late, half-processed -----------------------------------------------------------------------------------------


def test_a_leased_delivery_is_left_alone() -> None:
    delivering = Delivering()

    def twice() -> None:
        with pytest.raises(InProgressError) as later:
            delivering.run()
        assert later.value.seconds == LEASE.total_seconds()

    delivering.caller.meanwhile = twice
    delivering.run()

    assert len(delivering.caller.calls) == 1


def test_an_early_message_is_delayed_until_it_is_due() -> None:
    delivering = Delivering(DOWN)
    with pytest.raises(InProgressError):
        delivering.run()
    delivering.now += timedelta(seconds=2)
    with pytest.raises(InProgressError) as later:
        delivering.run()

    assert later.value.seconds == 3
    assert len(delivering.caller.calls) == 1


def test_crashed_attempts_are_counted() -> None:
    delivering = Delivering()

    def crash() -> None:
        raise SystemExit

    delivering.caller.meanwhile = crash
    for _ in range(len(PAUSES) + 1):
        with pytest.raises(SystemExit):
            delivering.run()
        delivering.now += LEASE
    delivering.run()

    assert len(delivering.caller.calls) == 9
    assert delivering.record.state == "failed"


def given_up() -> Delivering:
    delivering = Delivering(*[DOWN] * 9)
    delivering.run_until_over()
    return delivering


def replay(delivering: Delivering) -> WebhookDue:
    about = delivering.message.metadata.model_copy(update={"replays": 1})
    return delivering.message.model_copy(update={"metadata": about})


def resend(delivering: Delivering) -> WebhookDue:
    return again(delivering.store.save(delivering.record.resent(delivering.now)))


@pytest.mark.parametrize("anew", [replay, resend])
def test_a_replay_and_a_resend_start_over(anew: Callable[[Delivering], WebhookDue]) -> None:
    delivering = given_up()
    delivering.caller.replies = [DOWN]
    message = anew(delivering)

    with pytest.raises(InProgressError) as later:
        delivering.run(message)
    delivering.now += timedelta(seconds=later.value.seconds)
    delivering.run(message)

    assert later.value.seconds == PAUSES[0]
    assert (delivering.record.state, delivering.record.tries) == ("delivered", 2)
    assert len(delivering.record.attempts) == 11


def test_a_delivered_message_is_resent_once_on_request() -> None:
    delivering = Delivering()
    delivering.run()
    message = resend(delivering)
    for _ in range(2):
        delivering.run(message)

    assert len(delivering.caller.calls) == 2
    assert len({(body, headers["webhook-id"]) for _, body, headers in delivering.caller.calls}) == 1


def test_every_resend_is_a_new_message() -> None:
    deliveries = [Delivering(webhook=replace(HOOK, webhook_id=letter * 16)) for letter in "ab"]
    for delivering in deliveries:
        delivering.run()
    messages = [resend(delivering) for delivering in deliveries for _ in range(2)]

    assert len({message.metadata.event_id for message in messages}) == 4
    assert all(message.metadata.event_id[-16:].replace("-", "") in message.metadata.traceparent for message in messages)
    assert {message.metadata.request_id for message in messages} == {REQUEST}
    assert WebhookDue.model_validate_json(messages[0].model_dump_json()) == messages[0]


def test_a_resend_replaces_the_remaining_attempts() -> None:
    delivering = Delivering(DOWN)
    with pytest.raises(InProgressError):
        delivering.run()
    delivering.run(resend(delivering))
    delivering.now += timedelta(hours=1)
    delivering.run()  # the message of the first round is obsolete

    assert [each.status for each in delivering.record.attempts] == [500, 204]


def test_a_resend_during_an_attempt_wins() -> None:
    delivering = Delivering()
    delivering.caller.meanwhile = lambda: resend(delivering)
    delivering.run()

    assert (delivering.record.state, delivering.record.resends) == ("pending", 1)


def test_the_list_keeps_the_latest_attempts() -> None:
    delivering = Delivering()
    for number in range(ATTEMPTS_KEPT + 5):
        delivering.caller.replies = [Reply(200, number)]
        delivering.run(resend(delivering) if number else None)

    assert [each.duration_ms for each in delivering.record.attempts] == list(range(5, ATTEMPTS_KEPT + 5))
