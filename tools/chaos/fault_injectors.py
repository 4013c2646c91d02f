"""Faults besides single calls: killed workers, and repeated, late and reordered deliveries."""

import hashlib
import heapq
import json
import os
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from local.stack import LocalStack
from local.worker import FUNCTION, WorkerProcess
from tools.chaos.plan import Kill, chosen
from tools.chaos.workers import workers

REPEATED: Final = 0.1
"""Share of the events that are published again at once."""
LATE: Final = 0.1
"""Share of the events of which a copy is published later."""
LATE_SECONDS: Final = (3.0, 25.0)
DELAYED: Final = ("intake-track", "storage-store", "moderation-image", "generation-generate", "analytics-record")
"""Queues whose delay changes continually, so that messages overtake each other."""
DELAY_EVERY: Final = 4.0
BUSY_WITHIN: Final = 3.0
"""Seconds that the killer waits for a busy worker."""
LOOK_EVERY: Final = 0.5
PER_COPY: Final = frozenset({"occurred_at", "error", "reason", "fingerprint", "attempts"})
"""Fields of a stall that differ between copies of one message."""
READS: Final = frozenset({"0", "63"})
"""``read`` among the system calls of x86-64 and arm64."""


class Thread(threading.Thread):
    """A thread that can be stopped and keeps the exception that ended it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.failure: Exception | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        """Work until stopped."""
        try:
            while not self._stopped.is_set():
                self.turn()
        except Exception as error:
            self.failure = error

    def turn(self) -> None:
        """Do one unit of work."""
        raise NotImplementedError

    def pause(self, seconds: float) -> None:
        """Wait, but return at once when stopped."""
        self._stopped.wait(seconds)

    def finish(self) -> None:
        """Stop and wait for the end. Raises the exception that ended the thread."""
        self._stopped.set()
        if self.is_alive():
            self.join(30)
        if self.failure:
            raise self.failure


def comparable(event: dict[str, Any]) -> str:
    """Return the part of an event that must be equal in all its copies.

    It is the whole event, except for ``ProcessingStalled``: copies of one message that are given up have the same
    event id, but their own time, reason and number of attempts.
    """
    detail = event["detail"]
    if event["detail-type"] == "ProcessingStalled":
        detail = {part: {name: x for name, x in body.items() if name not in PER_COPY} for part, body in detail.items()}
    return json.dumps(detail, sort_keys=True)


class Repeater(Thread):
    """A subscriber to all events that publishes a share of them again, unchanged."""

    def __init__(self, stack: LocalStack, seed: int) -> None:
        super().__init__()
        self._sqs, self._events, self._seed = stack.client("sqs"), stack.client("events"), seed
        self._bus = stack.outputs["EventBusName"]
        self._queue = self._subscribe(f"{stack.prefix}-chaos-listener")
        self._late: list[tuple[float, int, dict[str, Any]]] = []
        self.active = True
        self.variants: dict[str, set[str]] = defaultdict(set)
        """Event id → the hashes of its comparable content."""
        self.types: dict[str, str] = {}
        """Event id → its type."""
        self.statuses: dict[str, tuple[int, str]] = {}
        """Request → its highest sequence and that status."""
        self.copies: Counter[str] = Counter()

    def _subscribe(self, name: str) -> str:
        url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = json.dumps({"source": [{"prefix": "genai-images."}]})
        self._events.put_rule(Name=name, EventBusName=self._bus, EventPattern=pattern)
        self._events.put_targets(Rule=name, EventBusName=self._bus, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def turn(self) -> None:
        """Receive events, and publish the copies that are due."""
        found = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self._receive(json.loads(message["Body"]))
        if found:  # one call: the emulator is slow under load, and a slow repeater would see statuses late
            done = [{"Id": str(at), "ReceiptHandle": m["ReceiptHandle"]} for at, m in enumerate(found)]
            self._sqs.delete_message_batch(QueueUrl=self._queue, Entries=done)
        now = time.monotonic()
        while self._late and (self._late[0][0] <= now or not self.active):
            self._publish(heapq.heappop(self._late)[2], "late")
        if not found:
            self.pause(0.2)

    def _receive(self, event: dict[str, Any]) -> None:
        metadata = event["detail"]["metadata"]
        event_id = metadata["event_id"]
        known = event_id in self.variants
        self.variants[event_id].add(hashlib.sha256(comparable(event).encode()).hexdigest())
        self.types[event_id] = event["detail-type"]
        if event["detail-type"] == "RequestStatusChanged":
            data = event["detail"]["data"]
            change = (data["sequence"], data["status"])
            self.statuses[metadata["request_id"]] = max(change, self.statuses.get(metadata["request_id"], change))
        if known or not self.active:
            return
        if chosen(event_id, REPEATED, self._seed, "repeated"):
            self._publish(event, "repeated")
        if chosen(event_id, LATE, self._seed, "late"):
            due = time.monotonic() + Random(event_id).uniform(*LATE_SECONDS)
            heapq.heappush(self._late, (due, len(self.variants), event))

    def _publish(self, event: dict[str, Any], how: str) -> None:
        detail = json.dumps(event["detail"], ensure_ascii=False)
        entry = {"EventBusName": self._bus, "Source": event["source"], "DetailType": event["detail-type"]}
        self._events.put_events(Entries=[{**entry, "Detail": detail}])
        self.copies[how] += 1

    @property
    def waiting(self) -> int:
        """The number of copies that are still to be published."""
        return len(self._late)


class Delayer(Thread):
    """Changes the delay of queues, so that later messages overtake earlier ones."""

    def __init__(self, stack: LocalStack, seed: int) -> None:
        super().__init__()
        self._sqs, self._random = stack.client("sqs"), Random(f"delays {seed}")
        self._urls = [self._sqs.get_queue_url(QueueName=f"{stack.prefix}-{name}")["QueueUrl"] for name in DELAYED]
        self.changes = 0

    def turn(self) -> None:
        """Choose a delay for every queue."""
        for url in self._urls:
            self._set(url, self._random.choice((0, 0, 0, 2, 5)))
            self.changes += 1
        self.pause(DELAY_EVERY)

    def finish(self) -> None:
        """Stop, and remove the delays."""
        super().finish()
        for url in self._urls:
            self._set(url, 0)

    def _set(self, url: str, seconds: int) -> None:
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": str(seconds)})


class Killer(Thread):
    """Kills workers as planned, while they are busy if possible.

    Of the kills of ``process``, generation's worker, every second one is a SIGTERM, as a deployment sends it.
    """

    def __init__(self, emulator: int, prefix: str, plan: Sequence[Kill], process: WorkerProcess | None = None) -> None:
        super().__init__()
        self._process = process
        self._emulator, self._prefix, self._plan = emulator, prefix, list(plan)
        self._started_at = time.monotonic()
        self.killed: Counter[str] = Counter()
        """Function → workers killed while busy."""
        self.idle: Counter[str] = Counter()
        """Function → workers killed while idle."""
        self.stopped: Counter[str] = Counter()
        """Function → workers that got SIGTERM while busy."""

    def turn(self) -> None:
        """Execute the next kill of the plan."""
        if not self._plan:
            return self.pause(1)
        kill = self._plan[0]
        left = kill.after - (time.monotonic() - self._started_at)
        if left > 0:
            return self.pause(min(left, 0.5))
        self._plan.pop(0)
        if not self._kill(kill.function):
            self._plan.append(Kill(kill.after, kill.function))  # no worker yet: continue with the next ones
            self.pause(0.5)
        return None

    def _kill(self, function: str) -> bool:
        if self._process and function == FUNCTION:
            return self._end_process(self._process)
        deadline, looked, alive = time.monotonic() + BUSY_WITHIN, 0.0, list[int]()
        while time.monotonic() < deadline and not self._stopped.is_set():
            if time.monotonic() - looked > LOOK_EVERY:
                alive, looked = self._workers(function), time.monotonic()
            if worker := next((pid for pid in alive if is_busy(pid)), None):
                return self._kill_process(worker, self.killed, function)
            time.sleep(0.005)
        return bool(alive) and self._kill_process(alive[0], self.idle, function)

    def _workers(self, function: str) -> list[int]:
        full_name = f"{self._prefix}-{function}"
        return [process.pid for name, process in workers(self._emulator) if name == full_name]

    def _end_process(self, process: WorkerProcess) -> bool:
        deadline = time.monotonic() + BUSY_WITHIN
        while not process.messages() and time.monotonic() < deadline and not self._stopped.is_set():
            time.sleep(0.005)
        if process.pid is None or not process.messages():
            return False
        if self.killed[FUNCTION] > self.stopped[FUNCTION]:
            return self._kill_process(process.pid, self.stopped, FUNCTION, signal.SIGTERM)
        return self._kill_process(process.pid, self.killed, FUNCTION)

    def _kill_process(
        self, pid: int, counter: Counter[str], function: str, how: signal.Signals = signal.SIGKILL
    ) -> bool:
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return False
        counter[function] += 1
        return True


def is_busy(pid: int) -> bool:
    """Return whether a worker is busy. An idle one waits on standard input for its next event. Needs /proc."""
    try:
        call = Path(f"/proc/{pid}/syscall").read_text().split()
    except OSError:  # the process has ended
        return False
    return bool(call) and not (len(call) > 1 and call[0] in READS and call[1] == "0x0")


def start(threads: Iterable[Thread]) -> Callable[[], None]:
    """Start ``threads`` and return a function that stops them."""
    running = list(threads)
    for thread in running:
        thread.start()

    def stop() -> None:
        for thread in running:
            thread.finish()

    return stop
