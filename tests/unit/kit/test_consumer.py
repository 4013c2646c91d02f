"""Every message of a batch is handled, retried or dead-lettered with its reason."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ParamValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.image_approved import ImageApproved
from events.catalog.image_requested import ImageRequested
from events.catalog.image_stored import ImageStored
from events.catalog.processing_stalled import ProcessingStalled
from events.envelope import Event, derive_id
from kit.consumer import Consumer, EachMessage, RetryPolicy, WholeBatch
from kit.errors import InProgressError, OwnerErasedError, RetriableError, TransientError, UnprocessableError
from tests.support.events import RecordingBus, RecordingQueue, eventbridge_body, sample, sqs_record
from tests.support.sealing import SAMPLE_TEXTS, sample_sealer

PROMPT = SAMPLE_TEXTS.prompt


class Step:
    """A consumer of ImageApproved with everything around it recorded."""

    def __init__(self, handle: Callable[[Any], Sequence[Event]], **options: Any) -> None:
        self.seen: list[Event] = []
        self.bus = RecordingBus()
        self.queue = RecordingQueue()

        def watched(event: Event) -> Sequence[Event]:
            self.seen.append(event)
            return handle(event)

        options = {"step": "storage.store", "accepts": [ImageApproved], **options}
        process = EachMessage(watched, workers=options.pop("workers", 1))
        self.consumer = Consumer(process=process, queue=self.queue, bus=self.bus, **options)

    def take(self, *records: dict[str, Any]) -> list[str]:
        """Handle a batch and return the ids of the messages that were reported as failed."""
        answer = self.consumer({"Records": list(records)})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def store(event: Event) -> list[Event]:
    return [ImageStored.follow(event, sample("ImageStored").data)]


def raising(error: Exception) -> Callable[[Any], Sequence[Event]]:
    def handle(_event: Any) -> Sequence[Event]:
        raise error

    return handle


def aws_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "PutItem",
    )


def approved(number: int = 0, *, replays: int = 0) -> Event:
    event = sample("ImageApproved")
    changes = {"event_id": f"00000000-0000-4000-8000-{number:012d}", "replays": replays}
    return event.model_copy(update={"metadata": event.metadata.model_copy(update=changes)})


def test_a_handled_message_is_done_and_its_events_are_published() -> None:
    step = Step(store)
    event = approved()

    assert step.take(sqs_record(event)) == []
    assert step.seen == [event]
    (published,) = step.bus.events
    assert published.metadata.cause_id == event.metadata.event_id


def test_a_message_delivered_twice_publishes_the_same_event_twice() -> None:
    step = Step(store)
    step.take(sqs_record(approved()))
    step.take(sqs_record(approved()))

    assert len({event.metadata.event_id for event in step.bus.events}) == 1


def test_the_events_of_a_batch_are_published_at_once() -> None:
    calls: list[int] = []

    class CountingBus(RecordingBus):
        def publish(self, events: Sequence[Event]) -> None:
            calls.append(len(events))

    consumer = Consumer("storage.store", [ImageApproved], EachMessage(store), queue=RecordingQueue(), bus=CountingBus())
    consumer({"Records": [sqs_record(approved(number)) for number in range(10)]})

    assert calls == [10]


def test_without_events_there_is_no_publish_call() -> None:
    class NoBus(RecordingBus):
        def publish(self, events: Sequence[Event]) -> None:
            raise AssertionError("a call for nothing")

    process = EachMessage(lambda _event: [])
    consumer = Consumer("storage.store", [ImageApproved], process, queue=RecordingQueue(), bus=NoBus())

    assert consumer({"Records": [sqs_record(approved())]}) == {"batchItemFailures": []}


@pytest.mark.parametrize(
    "error",
    [TransientError("busy"), aws_error("ThrottlingException"), aws_error("Whatever", 503)],
    ids=["transient", "throttled", "5xx"],
)
def test_a_transient_error_is_retried_without_counting_attempts(error: Exception) -> None:
    step = Step(raising(error))
    record = sqs_record(approved(), receives=15)

    assert step.take(record) == [record["messageId"]]
    ((handle, seconds),) = step.queue.delayed
    assert handle == record["receiptHandle"]
    assert 150 <= seconds <= 300
    assert step.queue.dead == []


def test_a_transient_error_is_dead_lettered_after_the_window() -> None:
    step = Step(raising(TransientError("busy")), policy=RetryPolicy(window=60))
    an_hour_ago = int((time.time() - 3600) * 1000)

    assert step.take(sqs_record(approved(), sent_ms=an_hour_ago)) == []
    assert len(step.queue.dead) == 1


@pytest.mark.parametrize(
    "error",
    [
        RetriableError("odd"),
        ConnectionError("reset"),
        TimeoutError("slow"),
        aws_error("AccessDenied"),
        ConnectionClosedError(endpoint_url="http://nowhere"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_retriable_error_gets_five_attempts(error: Exception) -> None:
    step = Step(raising(error))

    assert len(step.take(*[sqs_record(approved(), receives=attempt) for attempt in (1, 2, 3, 4)])) == 4
    assert step.queue.dead == []
    assert step.take(sqs_record(approved(), receives=5)) == []
    assert len(step.queue.dead) == 1


@pytest.mark.parametrize("error", [UnprocessableError("image.key: gone"), KeyError("x"), ZeroDivisionError()])
def test_a_final_error_is_dead_lettered_immediately(error: Exception) -> None:
    step = Step(raising(error))

    assert step.take(sqs_record(approved())) == []
    assert len(step.queue.dead) == 1
    assert step.queue.delayed == []


def test_work_in_progress_elsewhere_is_retried_and_never_dead_lettered() -> None:
    step = Step(raising(InProgressError("another delivery generates", 42.4)))
    record = sqs_record(approved(), receives=39, sent_ms=1)

    assert step.take(record) == [record["messageId"]]
    assert step.queue.delayed == [(record["receiptHandle"], 42)]
    assert step.queue.dead == []


def test_a_dead_letter_is_the_original_message_with_its_reason() -> None:
    step = Step(raising(UnprocessableError("image.key: raw/x is not in the hand-off bucket")))
    record = sqs_record(approved(), sent_ms=1_700_000_000_000)
    step.take(record)

    ((body, attributes),) = step.queue.dead
    assert body == record["body"]
    assert attributes["error"] == "UnprocessableError"
    assert attributes["reason"] == "image.key: raw/x is not in the hand-off bucket"
    assert attributes["step"] == "storage.store"
    assert attributes["first_seen"] == "1700000000000"
    assert len(attributes["fingerprint"]) == 12


def test_a_dead_letter_publishes_a_stall_of_its_request() -> None:
    step = Step(raising(KeyError("x")))
    event = approved()
    step.take(sqs_record(event, receives=2))

    (stalled,) = step.bus.events
    assert isinstance(stalled, ProcessingStalled)
    assert stalled.metadata.request_id == event.metadata.request_id
    assert stalled.data.stalled_event_id == event.metadata.event_id
    assert (stalled.data.step, stalled.data.stalled_detail_type) == ("storage.store", "ImageApproved")
    assert (stalled.data.error, stalled.data.attempts) == ("KeyError", 2)
    assert stalled.data.fingerprint == step.queue.dead[0][1]["fingerprint"]


def test_the_id_of_a_stall_depends_on_event_step_and_replays() -> None:
    def stall_id(step_name: str, replays: int) -> str:
        step = Step(raising(KeyError("x")), step=step_name)
        step.take(sqs_record(approved(replays=replays)))
        return step.bus.events[0].metadata.event_id

    assert stall_id("storage.store", 0) == stall_id("storage.store", 0)
    assert len({stall_id("storage.store", 0), stall_id("storage.store", 1), stall_id("analytics.record", 0)}) == 3
    assert stall_id("storage.store", 1) == derive_id(approved().metadata.event_id, "ProcessingStalled:storage.store", 1)


def test_a_message_is_retried_if_the_dead_letter_queue_is_unreachable() -> None:
    step = Step(raising(KeyError("x")))
    step.queue.unreachable = True
    record = sqs_record(approved())

    assert step.take(record) == [record["messageId"]]
    assert step.bus.events == []


def test_a_message_is_dead_lettered_again_if_its_stall_is_refused() -> None:
    step = Step(raising(KeyError("x")))
    step.bus.refuse = {"ProcessingStalled"}
    record = sqs_record(approved())

    assert step.take(record) == [record["messageId"]]
    step.bus.refuse = set()
    assert step.take(record) == []
    assert len(step.queue.dead) == 2, "a second copy, which operations collapses"
    assert len(step.bus.events) == 1


def test_a_refused_event_retries_only_its_own_message() -> None:
    def handle(event: Event) -> list[Event]:
        if event.metadata.event_id.endswith("1"):
            return [ProcessingStalled.follow(event, sample("ProcessingStalled").data)]
        return store(event)

    step = Step(handle)
    step.bus.refuse = {"ProcessingStalled"}
    records = [sqs_record(approved(number)) for number in range(3)]

    assert step.take(*records) == [records[1]["messageId"]]
    assert [event.detail_type for event in step.bus.events] == ["ImageStored", "ImageStored"]


def test_a_message_is_not_lost_if_its_visibility_cannot_change() -> None:
    step = Step(raising(TransientError("busy")))

    def broken(receipt_handle: str, seconds: int) -> None:
        raise ConnectionError

    step.queue.change_visibility = broken  # type: ignore[method-assign]
    record = sqs_record(approved())

    assert step.take(record) == [record["messageId"]]


class FixedVisibility(RecordingQueue):
    """A queue whose messages keep the visibility timeout with which they were received."""

    def change_visibility(self, receipt_handle: str, seconds: int) -> None:
        """Fail: nobody may call it."""
        raise AssertionError(f"visibility of {receipt_handle} changed to {seconds} s")


@pytest.mark.parametrize("workers", [1, 3])
def test_messages_handled_in_time_take_no_visibility_call(
    workers: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = Step(store, workers=workers)
    monkeypatch.setattr(step.queue, "change_visibility", FixedVisibility().change_visibility)

    assert step.take(*[sqs_record(approved(number)) for number in range(10)]) == []
    assert len(step.bus.events) == 10
    assert "visibility not changed" not in capsys.readouterr().out


def test_a_whole_batch_handled_in_time_takes_no_visibility_call(capsys: pytest.CaptureFixture[str]) -> None:
    process = WholeBatch(lambda _events: [])
    consumer = Consumer("analytics.record", None, process, queue=FixedVisibility(), bus=RecordingBus())

    assert consumer({"Records": [sqs_record(approved(number)) for number in range(3)]}) == {"batchItemFailures": []}
    assert "visibility not changed" not in capsys.readouterr().out


def test_a_dead_lettered_message_takes_no_visibility_call() -> None:
    step = Step(raising(UnprocessableError("image.key: gone")))
    step.take(sqs_record(approved()))

    assert (len(step.queue.dead), step.queue.delayed) == (1, [])


@pytest.mark.parametrize("crash", [SystemExit(1), KeyboardInterrupt()], ids=["crash", "timeout"])
def test_messages_of_a_crashed_function_stay_hidden(crash: BaseException) -> None:
    """Lambda deletes nothing if the function ends without a response, so the whole batch is delivered again."""

    def handle(event: Event) -> Sequence[Event]:
        if event.metadata.event_id.endswith("2"):
            raise crash
        return store(event)

    step = Step(handle)
    records = [sqs_record(approved(number)) for number in (1, 2)]

    with pytest.raises(type(crash)):
        step.take(*records)
    assert (step.queue.delayed, step.queue.dead, step.bus.events) == ([], [], [])


def test_only_the_message_of_a_taken_lease_waits_for_its_end() -> None:
    def handle(event: Event) -> Sequence[Event]:
        if event.metadata.event_id.endswith("2"):
            raise InProgressError("another delivery generates", 300)
        return store(event)

    step = Step(handle)
    records = [sqs_record(approved(number)) for number in (1, 2, 3)]

    assert step.take(*records) == [records[1]["messageId"]]
    assert step.queue.delayed == [(records[1]["receiptHandle"], 300)]
    assert len(step.bus.events) == 2


def changed(**changes: Any) -> str:
    body = json.loads(eventbridge_body(approved()))
    for path, value in changes.items():
        target = body
        *parents, last = path.split("__")
        for parent in parents:
            target = target[parent]
        if value is None:
            del target[last]
        else:
            target[last] = value
    return json.dumps(body)


UNREADABLE = {
    "nothing": "",
    "no JSON": "not json",
    "no object": "[]",
    "null": "null",
    "an empty object": "{}",
    "no detail": changed(detail=None),
    "a detail that is text": changed(detail="text"),
    "no metadata": changed(detail__metadata=None),
    "no data": changed(detail__data=None),
    "data of another shape": changed(detail__data={"images": "none"}),
    "an unknown version": changed(detail__metadata__version=99),
    "an id that is none": changed(detail__metadata__event_id="1"),
    "another's event": changed(source="another.source"),
    "JSON without end": "[" * 100_000,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_invalid_message_is_dead_lettered_without_its_neighbours(body: str) -> None:
    step = Step(store)
    neighbours = [approved(1), approved(2)]

    failed = step.take(sqs_record(neighbours[0]), sqs_record(body), sqs_record(neighbours[1]))

    assert failed == []
    assert step.seen == neighbours
    ((dead, attributes),) = step.queue.dead
    assert dead == body
    assert attributes["error"] in {"UnprocessableError", "ValidationError"}
    assert attributes["reason"]


def test_an_event_that_the_step_does_not_accept_is_dead_lettered() -> None:
    step = Step(store)
    step.take(sqs_record(sample("ImageRequested")))

    assert "does not know ImageRequested version 1" in step.queue.dead[0][1]["reason"]


def test_the_stall_of_an_invalid_event_names_its_request_if_readable() -> None:
    step = Step(store)
    step.take(sqs_record(changed(detail__data={"images": []})))

    assert step.bus.events[0].metadata.request_id == approved().metadata.request_id


def test_without_a_list_of_events_the_whole_catalog_is_accepted() -> None:
    step = Step(lambda _event: [], accepts=None)
    step.take(sqs_record(sample("ImageRequested")), sqs_record(sample("ImageDeleted")))

    assert [event.detail_type for event in step.seen] == ["ImageRequested", "ImageDeleted"]


@pytest.mark.parametrize("name", ["ProcessingStalled", "MessageReplayed", "RequestStatusChanged"])
def test_a_failure_on_a_delivery_event_publishes_nothing(name: str) -> None:
    step = Step(raising(KeyError("x")), accepts=None)

    assert step.take(sqs_record(sample(name))) == []
    assert len(step.queue.dead) == 1
    assert step.bus.events == []


def test_a_message_of_an_erased_owner_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step(raising(OwnerErasedError()), accepts=[ImageRequested])

    assert step.take(sqs_record(sample("ImageRequested"))) == []

    assert (step.queue.dead, step.queue.delayed, step.bus.events) == ([], [], [])
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if '"failed"' in each]
    (failed,) = line["failed"]
    assert (failed["outcome"], failed["error"]) == ("dropped", "OwnerErasedError")
    assert line["messages_handled"] == 1


def test_a_batch_with_a_message_of_an_erased_owner_handles_the_others() -> None:
    queue, handled = RecordingQueue(), list[Event]()

    def handle(events: Sequence[Event]) -> list[Event]:
        if any(event.metadata.owner == "erased" for event in events):
            raise OwnerErasedError
        handled.extend(events)
        return []

    first = sample("ImageRequested")
    erased = first.model_copy(update={"metadata": first.metadata.model_copy(update={"owner": "erased"})})
    consumer = Consumer("analytics.record", None, WholeBatch(handle), queue=queue, bus=RecordingBus())

    assert consumer({"Records": [sqs_record(erased), sqs_record(first)]}) == {"batchItemFailures": []}
    assert (handled, queue.dead) == ([first], [])


def test_logs_attributes_and_stalls_contain_no_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    def handle(event: ImageRequested) -> Sequence[Event]:
        raise KeyError(sample_sealer().open_texts(event.metadata.owner, event.data.parameters).prompt)

    step = Step(handle, accepts=[ImageRequested])
    step.take(sqs_record(sample("ImageRequested")))
    too_long = json.loads(eventbridge_body(sample("ImageRequested")))
    too_long["detail"]["data"]["parameters"]["count"] = PROMPT
    step.take(sqs_record(json.dumps(too_long)))

    captured = capsys.readouterr()
    assert len(step.queue.dead) == 2
    everything = (
        captured.out + captured.err + str([attributes for _, attributes in step.queue.dead]) + str(step.bus.events)
    )
    assert "lighthouse" in PROMPT
    assert "lighthouse" not in everything


def test_failures_of_the_same_kind_share_a_fingerprint() -> None:
    def fingerprint(reason: str, step_name: str = "storage.store") -> str:
        step = Step(raising(UnprocessableError(reason)), step=step_name)
        step.take(sqs_record(approved()))
        return step.queue.dead[0][1]["fingerprint"]

    first = fingerprint("image.key: raw/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04/0 is not in the hand-off bucket")
    second = fingerprint("image.key: raw/02b1c8d5-8e3f-7d42-8a71-6c2e3a8b0f15/3 is not in the hand-off bucket")

    assert first == second
    assert first != fingerprint("image.sha256: raw/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04/0 has another hash")
    assert first != fingerprint(
        "image.key: raw/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04/0 is not in the hand-off bucket", "moderation.image"
    )


def test_workers_handle_a_batch_side_by_side() -> None:
    running = peak = 0

    def handle(_event: Event) -> Sequence[Event]:
        nonlocal running, peak
        running += 1
        deadline = time.monotonic() + 5
        while running < 3 and peak < 3 and time.monotonic() < deadline:
            time.sleep(0.001)
        peak = max(peak, running)
        running -= 1
        return []

    step = Step(handle, workers=3)
    step.take(*[sqs_record(approved(number)) for number in range(3)])

    assert peak == 3


def test_a_first_delivery_may_be_handled_in_another_way() -> None:
    process = EachMessage(lambda _event: [], handle_first=store)
    bus = RecordingBus()
    consumer = Consumer("storage.store", [ImageApproved], process, queue=RecordingQueue(), bus=bus)
    consumer({"Records": [sqs_record(approved(number), receives=number) for number in (1, 2, 3)]})

    assert [event.metadata.cause_id for event in bus.events] == [approved(1).metadata.event_id]


class Batches:
    """A consumer that takes whole batches and fails on events whose id ends in 1."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.queue = RecordingQueue()
        self.bus = RecordingBus()
        process = WholeBatch(self._record)
        self.consumer = Consumer("analytics.record", None, process, queue=self.queue, bus=self.bus)

    def _record(self, events: Sequence[Event]) -> Sequence[Event]:
        self.batches.append(len(events))
        if any(event.metadata.event_id.endswith("1") for event in events):
            raise KeyError("x")
        return []


def test_a_batch_begins_before_its_first_message() -> None:
    seen: list[str] = []

    def handle(event: Event) -> list[Event]:
        seen.append(event.metadata.event_id[-1])
        return []

    process = EachMessage(handle, begin=lambda: seen.append("begin"))
    consumer = Consumer("storage.store", [ImageApproved], process, queue=RecordingQueue(), bus=RecordingBus())
    for numbers in ((1, 2), (3,)):
        consumer({"Records": [sqs_record(approved(number)) for number in numbers]})

    assert seen == ["begin", "1", "2", "begin", "3"]


def test_a_whole_batch_is_handled_in_one_call() -> None:
    batches = Batches()

    assert batches.consumer({"Records": [sqs_record(approved(number)) for number in (2, 3, 4)]}) == {
        "batchItemFailures": []
    }
    assert batches.batches == [3]


def test_one_bad_message_does_not_fail_its_batch() -> None:
    batches = Batches()
    batches.consumer({"Records": [sqs_record(approved(number)) for number in (1, 2, 3)]})

    assert batches.batches == [3, 1, 1, 1]
    assert len(batches.queue.dead) == 1


ERRORS: dict[str, Exception | None] = {
    "fine": None,
    "busy": TransientError("busy"),
    "odd": RetriableError("odd"),
    "elsewhere": InProgressError("elsewhere", 5),
    "wrong": UnprocessableError("wrong"),
    "bug": KeyError("bug"),
}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(ERRORS)), st.integers(1, 20)), min_size=1, max_size=10))
def test_every_message_has_exactly_one_outcome(plan: list[tuple[str, int]]) -> None:
    def handle(event: Event) -> list[Event]:
        error = ERRORS[plan[int(event.metadata.event_id[-12:])][0]]
        if error:
            raise error
        return store(event)

    step = Step(handle)
    records = [sqs_record(approved(at), receives=receives) for at, (_, receives) in enumerate(plan)]
    failed = step.take(*records)

    dead = {json.loads(body)["detail"]["metadata"]["event_id"] for body, _ in step.queue.dead}
    stored = {event.metadata.cause_id for event in step.bus.events if event.detail_type == "ImageStored"}
    stalled = {event.metadata.cause_id for event in step.bus.events if event.detail_type == "ProcessingStalled"}
    for at, record in enumerate(records):
        event_id = approved(at).metadata.event_id
        assert (record["messageId"] in failed) + (event_id in dead) + (event_id in stored) == 1
        assert (event_id in dead) == (event_id in stalled)
    assert {handle for handle, _ in step.queue.delayed} == {
        record["receiptHandle"] for record in records if record["messageId"] in failed
    }


@given(st.integers(1, 40))
def test_pauses_grow_and_never_exceed_the_cap(attempt: int) -> None:
    policy = RetryPolicy()
    full = min(policy.cap, policy.base * 2 ** (attempt - 1))

    assert full / 2 <= policy.delay(attempt) <= full


@given(window=st.floats(1, 7200), base=st.floats(0.5, 60), cap=st.floats(60, 600))
def test_deliveries_never_exceed_the_worst_case(window: float, base: float, cap: float) -> None:
    policy = RetryPolicy(window=window, base=base, cap=cap)
    elapsed, deliveries = 0.0, 1
    while elapsed < policy.window:
        elapsed += policy.delay(deliveries)
        deliveries += 1

    assert deliveries <= policy.worst_deliveries()
    assert elapsed <= policy.worst_seconds()


def test_the_batch_line_has_the_event_id_and_the_error_of_each_message(capsys: pytest.CaptureFixture[str]) -> None:
    def handle(event: Event) -> list[Event]:
        if event.metadata.event_id.endswith("1"):
            raise UnprocessableError("image.key: gone")
        return store(event)

    Step(handle).take(sqs_record(approved(1)), sqs_record(approved(2)))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    (batch,) = [line for line in lines if line["message"] == "batch"]
    (failed,) = batch["failed"]
    assert (failed["event_id"], failed["outcome"]) == (approved(1).metadata.event_id, "dead_lettered")
    assert (failed["error"], failed["reason"]) == ("UnprocessableError", "image.key: gone")
    handled = approved(2).metadata
    assert batch["handled"] == [[handled.request_id, [handled.event_id, "ImageApproved"]]]


MODEL_TEXT = "The prompt 'a lighthouse' is not valid"


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (ClientError({"Error": {"Code": "ValidationException", "Message": MODEL_TEXT}}, "Converse"), "Converse"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "role x may not do s3:GetObject"}}, "GetObject"),
            "GetObject: role x may not do s3:GetObject",
        ),
        (ParamValidationError(report="Invalid value: a lighthouse"), "a call has invalid parameters"),
    ],
)
def test_the_text_of_an_error_that_may_quote_a_prompt_is_kept_nowhere(
    error: Exception, kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    step = Step(raising(error))
    step.consumer({"Records": [sqs_record(approved(), receives=99)]})

    (_, attributes), (stalled,) = step.queue.dead[0], step.bus.events
    assert attributes["reason"] == stalled.data.reason == kept
    assert "lighthouse" not in capsys.readouterr().out + json.dumps(attributes) + stalled.model_dump_json()
