"""A worker deletes what is handled, returns the rest, and loses nothing when it has to stop."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from events.catalog.image_approved import ImageApproved
from kit.consumer import Consumer, EachMessage
from kit.errors import RetriableError
from kit.worker import Worker, WorkerSettings
from tests.support.events import RecordingBus, RecordingQueue, eventbridge_body, sample

SECONDS = 10.0


class FakeQueue:
    """A queue as the SQS client shows it. Everything that is called is recorded."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.asked_for: list[int] = []
        self.deleted: list[str] = []
        self.hidden: list[tuple[str, int]] = []
        self.failures: list[Exception] = []
        self.on_receive: Callable[[], None] = lambda: None

    def receive_message(self, **arguments: Any) -> dict[str, Any]:
        """Return waiting messages, after a moment if there is none."""
        self.asked_for.append(arguments["MaxNumberOfMessages"])
        if self.failures:
            raise self.failures.pop()
        found: list[str] = []
        while len(found) < arguments["MaxNumberOfMessages"]:
            try:
                found.append(self.waiting.get(timeout=0 if found else 0.02))
            except queue.Empty:
                break
        self.on_receive()
        assert "ApproximateReceiveCount" in arguments["MessageSystemAttributeNames"]
        return {"Messages": [message(body) for body in found]} if found else {}

    def delete_message(self, **arguments: Any) -> None:
        """Record the receipt handle."""
        self.deleted.append(arguments["ReceiptHandle"])

    def change_message_visibility(self, **arguments: Any) -> None:
        """Record the receipt handle and the seconds."""
        self.hidden.append((arguments["ReceiptHandle"], arguments["VisibilityTimeout"]))


def message(body: str) -> dict[str, Any]:
    """Return a message as SQS returns it; its receipt handle is ``handle of`` its body."""
    now = str(int(time.time() * 1000))
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": now, "ApproximateFirstReceiveTimestamp": now}
    return {"MessageId": f"id of {body}", "ReceiptHandle": f"handle of {body}", "Body": body, "Attributes": attributes}


class Step:
    """A handler that calls ``work`` with the body of each message."""

    def __init__(self, work: Callable[[str], None] = lambda _: None) -> None:
        self.work = work
        self.built = False
        self.failed: set[str] = set()
        self.handled: list[str] = []

    def build(self) -> None:
        """Record that several threads are expected."""
        self.built = True

    def __call__(self, batch: dict[str, Any], _context: Any = None, /) -> dict[str, Any]:
        """Handle one message."""
        assert self.built
        (record,) = batch["Records"]
        self.work(record["body"])
        self.handled.append(record["body"])
        failed = [record["messageId"]] if record["body"] in self.failed else []
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


class Running:
    """A worker in a thread."""

    def __init__(self, handler: Any, **settings: Any) -> None:
        self.queue, self.stopping = FakeQueue(), threading.Event()
        chosen = WorkerSettings(queue_url="q", **{"worker_poll": 0, "worker_stop": 5, **settings})
        self.worker = Worker(handler, self.queue, chosen, self.stopping)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.worker.run, daemon=True)

    def stop(self) -> None:
        """Stop as a signal does, and wait for the end."""
        self.stopping.set()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@contextmanager
def running(handler: Any, *bodies: str, **settings: Any) -> Iterator[Running]:
    """Run a worker on a queue with messages."""
    found = Running(handler, **settings)
    for body in bodies:
        found.queue.waiting.put(body)
    found.thread.start()
    try:
        yield found
    finally:
        found.stop()


def until(probe: Callable[[], Any], what: str) -> None:
    """Poll until ``probe`` is true."""
    deadline = time.monotonic() + SECONDS
    while not probe():
        assert time.monotonic() < deadline, f"waited {SECONDS} s for {what}"
        time.sleep(0.005)


def waiting_for(gate: threading.Event | threading.Barrier) -> Callable[[str], None]:
    """Return work that lasts until ``gate`` opens."""

    def work(_body: str) -> None:
        gate.wait(SECONDS)

    return work


def test_a_handled_message_is_deleted() -> None:
    step = Step()
    with running(step, "one", "two") as found:
        until(lambda: len(found.queue.deleted) == 2, "both to be deleted")

    assert sorted(found.queue.deleted) == ["handle of one", "handle of two"]
    assert found.queue.hidden == []


def test_a_message_that_is_retried_stays_in_the_queue() -> None:
    step = Step()
    step.failed = {"later"}
    with running(step, "later", "now") as found:
        until(lambda: len(step.handled) == 2, "both to be handled")

    assert found.queue.deleted == ["handle of now"]


def test_a_crash_of_the_handler_leaves_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    def crash(_body: str) -> None:
        raise KeyError("a red kite")

    with running(Step(crash), "secret prompt") as found:
        until(lambda: not found.worker.state()["messages"] and found.queue.waiting.empty(), "the crash")
        until(lambda: found.worker.state()["status"] == "ok", "the worker to go on")

    assert found.queue.deleted == []
    assert "kite" not in capsys.readouterr().out, "texts of errors may quote prompts"


def test_several_messages_are_handled_at_a_time_and_no_more() -> None:
    together = threading.Barrier(3)
    with running(Step(waiting_for(together)), *"abcdef", worker_concurrency=3) as found:
        until(lambda: len(found.queue.deleted) == 6, "all to be deleted")

    assert max(found.queue.asked_for) == 3


def test_the_receiver_asks_only_for_what_it_can_handle() -> None:
    gate = threading.Event()
    with running(Step(waiting_for(gate)), "a", "b", worker_concurrency=2) as found:
        until(lambda: found.worker.state()["messages"] == 2, "both slots to be taken")
        asked = len(found.queue.asked_for)
        found.queue.waiting.put("c")
        assert found.worker.state() == {"status": "ok", "messages": 2}
        gate.set()
        until(lambda: len(found.queue.deleted) == 3, "the third")

    assert found.queue.asked_for[asked] <= 2


def test_a_message_that_takes_long_stays_hidden() -> None:
    gate = threading.Event()
    with running(Step(waiting_for(gate)), "slow", worker_visibility=3) as found:
        until(lambda: len(found.queue.hidden) >= 2, "two extensions")
        gate.set()
        until(lambda: found.queue.deleted, "the message to be deleted")

    assert set(found.queue.hidden) == {("handle of slow", 3)}


def test_a_message_that_takes_too_long_makes_the_worker_unhealthy() -> None:
    gate = threading.Event()
    step = Step(waiting_for(gate))
    with running(step, "stuck", worker_visibility=3, worker_limit=0) as found:
        until(lambda: found.worker.state() == {"status": "stuck", "messages": 1}, "the state")
        gate.set()
        until(lambda: found.worker.state()["status"] == "ok", "the worker to recover")

    assert found.queue.hidden == []


def test_a_queue_that_cannot_be_read_is_read_again() -> None:
    throttled = ClientError({"Error": {"Code": "RequestThrottled", "Message": "no"}}, "ReceiveMessage")
    found = Running(Step())
    found.queue.failures = [throttled]
    found.queue.waiting.put("one")
    found.thread.start()
    until(lambda: found.queue.deleted, "the message after the failure")
    found.stop()


def test_a_worker_that_stops_finishes_its_messages() -> None:
    gate = threading.Event()
    with running(Step(waiting_for(gate)), "busy") as found:
        until(lambda: found.worker.state()["messages"], "the message")
        found.stopping.set()
        assert found.worker.state() == {"status": "stopping", "messages": 1}
        gate.set()

    assert found.queue.deleted == ["handle of busy"]
    assert found.queue.hidden == []


def test_a_worker_that_has_to_stop_returns_what_takes_longer() -> None:
    gate = threading.Event()
    step = Step(waiting_for(gate))
    with running(step, "slow", worker_stop=0, worker_visibility=3) as found:
        until(lambda: found.worker.state()["messages"], "the message")
        until(lambda: found.queue.hidden, "an extension")
        found.stop()
        returned = list(found.queue.hidden)
        gate.set()
        until(lambda: found.queue.deleted, "the handler to end")

    assert returned[-1] == ("handle of slow", 0)
    assert found.queue.hidden == returned, "nothing hides it again"


def test_a_message_that_arrives_while_the_worker_stops_is_returned() -> None:
    found = Running(Step())
    found.queue.on_receive = found.stopping.set
    found.queue.waiting.put("late")
    found.thread.start()
    found.thread.join(SECONDS)

    assert found.queue.hidden == [("handle of late", 0)]
    assert found.queue.deleted == []


def test_a_message_is_handled_as_on_lambda() -> None:
    bus, dead = RecordingBus(), RecordingQueue()
    seen: list[str] = []

    def handle(event: ImageApproved) -> list[Any]:
        seen.append(event.metadata.event_id)
        if len(seen) == 1:
            raise RetriableError("again")
        return []

    consumer = Consumer("storage.store", [ImageApproved], EachMessage(handle), queue=dead, bus=bus)
    event = sample("ImageApproved")
    with running(consumer, eventbridge_body(event), "not an event") as found:
        until(lambda: dead.delayed and dead.dead, "the retry and the dead letter")

    assert seen == [event.metadata.event_id]
    assert dead.delayed[0][1] > 0
    assert [attributes["step"] for _, attributes in dead.dead] == ["storage.store"]
    assert found.queue.deleted == ["handle of not an event"]
