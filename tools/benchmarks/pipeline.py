"""The deployed template on the emulator, with a record of every AWS call of its functions."""

import atexit
import json
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.emulator import ROOT
from local.stack import LocalStack
from tools.benchmarks.measure import Progress

PROMPT = "A lighthouse on a cliff at sunset, waves below, oil painting"
MODEL_SERVICES = frozenset({"bedrock-runtime", "rekognition"})
SECONDS = 180
QUIET = 2.5
"""Seconds without a call after which a request counts as finished."""
CLIENTS = 5
"""Requests sent at the same time. More would measure how the emulator starts workers."""


@dataclass(frozen=True)
class Call:
    """An AWS call of a function, or (with an empty ``operation``) an invocation."""

    function: str
    """Name without the prefix, such as ``intake-track``."""
    worker: int
    at: float
    """Time of its end in seconds since 1970."""
    wall: float
    service: str = ""
    operation: str = ""
    bytes: int = 0
    body: str | None = None
    cpu: float = 0.0
    records: int = 0
    method: str | None = None


def made_during(invocation: Call, calls: Sequence[Call]) -> list[Call]:
    """Return the AWS calls of one invocation. A worker has one at a time."""
    started = invocation.at - invocation.wall
    return [
        call
        for call in calls
        if call.operation and call.worker == invocation.worker and started <= call.at <= invocation.at
    ]


@dataclass(frozen=True)
class Outcome:
    """The result of one request: seconds from its acceptance to its success."""

    request_id: str
    accepted: float
    succeeded: float


class Pipeline:
    """The running system."""

    def __init__(self, folder: Path, progress: Progress, *, instant_models: bool = False) -> None:
        self._calls = folder / "calls"
        self._calls.mkdir()
        counting = {"PYTHONPATH": str(ROOT / "tools" / "benchmarks" / "counting"), "BENCHMARK_CALLS": str(self._calls)}
        self.stack = LocalStack(folder / "stack", variables=counting, instant_models=instant_models, progress=progress)
        self.stack.start()
        atexit.register(self.stack.stop)
        self._sqs = self.stack.client("sqs")
        self._changes = self.listen(self.stack.outputs["EventBusName"], "RequestStatusChanged")

    def listen(self, bus: str, detail_type: str) -> str:
        """Return the URL of a new queue that receives ``detail_type`` from ``bus``."""
        url: str = self._sqs.create_queue(QueueName=f"benchmark-{bus}-{detail_type}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events = self.stack.client("events")
        rule = f"benchmark-{detail_type}"
        events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps({"detail-type": [detail_type]}))
        events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def generate(self, count: int = 1) -> list[Outcome]:
        """Send ``count`` requests together and wait until all have succeeded and no function calls AWS.

        Raises ``TimeoutError`` if one does not succeed.
        """
        with ThreadPoolExecutor(CLIENTS) as clients:
            accepted = dict(clients.map(self.post, range(count)))
        outcomes: list[Outcome] = []
        deadline = time.monotonic() + SECONDS
        while len(outcomes) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count - len(outcomes)} of {count} requests did not succeed in {SECONDS} s")
            for body in self.receive(self._changes):
                detail = body["detail"]
                request_id = detail["metadata"]["request_id"]
                if detail["data"]["status"] == "succeeded" and request_id in accepted:
                    outcomes.append(Outcome(request_id, accepted[request_id], time.time()))
        self.wait_until_quiet()
        return outcomes

    def receive(self, queue_url: str) -> list[dict[str, Any]]:
        """Receive, delete and return the messages that are available within a second."""
        answer = self._sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        messages = answer.get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def wait_until_quiet(self) -> None:
        """Wait until no function has called AWS for a while."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            last = max((path.stat().st_mtime for path in self._calls.iterdir()), default=0.0)
            if time.time() - last > QUIET:
                return
            time.sleep(0.2)

    def calls(self, since: float) -> list[Call]:
        """Return calls and invocations that ended after ``since``, without those of the polling GET."""
        lines = [line for path in self._calls.iterdir() for line in path.read_text().splitlines()]
        found = [Call(**json.loads(line.replace(f"{self.stack.prefix}-", "", 1))) for line in lines]
        return [call for call in found if call.at >= since and call.method in (None, "POST")]

    def post(self, number: int) -> tuple[str, float]:
        """Send one request. Return its id and when its response arrived, in seconds since 1970."""
        request = urllib.request.Request(
            f"{self.stack.api_url}/v1/requests",
            data=json.dumps({"prompt": PROMPT, "seed": number + 1}).encode(),
            headers={"content-type": "application/json", "x-api-key": self.stack.api_key},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(json.load(answer)["id"]), time.time()


@cache
def running(progress: Progress) -> Pipeline:
    """Return the system, which is started once per run and warmed up."""
    folder = tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    pipeline = Pipeline(Path(folder.name), progress)
    progress("warming up")
    pipeline.generate()
    pipeline.generate(CLIENTS)
    return pipeline
