"""What the drills of two regions share: both stacks, traffic, the operators' commands, and what became of requests."""

import itertools
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cli.options import BROKEN, OK
from events.pipeline import TERMINAL, Status
from local.bedrock.calls import prompt_hash
from local.emulator import ROOT
from local.regions import Replication, create_replicas
from local.stack import LocalStack, Replica

FIRST: Final = "us-east-1"
SECOND: Final = "us-west-2"
HEALTH_SECONDS: Final = 1.0
"""Time between two health checks. Route 53 takes 10 or 30 s, and three failures."""
CALL_SECONDS: Final = 10
MODEL_SECONDS: Final = 0.7
"""Duration of a model call, so that images are being generated whenever the region is lost."""
END_SECONDS: Final = 600
"""Time within which everything must have ended."""
COMMAND_SECONDS: Final = 900

console = Console(highlight=False, width=110)


class DrillError(RuntimeError):
    """A step of the drill failed."""


@dataclass(frozen=True)
class Accepted:
    """A request that a region answered with 202."""

    request_id: str
    prompt: str
    region: str
    at: float
    """Monotonic seconds."""


@contextmanager
def two_regions(directory: Path, lag: float) -> Iterator[tuple[LocalStack, LocalStack, Replication]]:
    """Start an active and a passive region with replication between them, and slow models in both."""
    with LocalStack(directory / "first", progress=say, instant_models=True) as first:
        ops(first, first, "region", "add", SECOND, "--yes")
        say(f"{SECOND} has replicas of all tables and secrets")
        replica = Replica(SECOND, lambda second: create_replicas(first, second))
        with (
            LocalStack(directory / "second", progress=say, instant_models=True, replica=replica) as second,
            Replication(first, second, lag) as replication,
        ):
            for stack in (first, second):
                slow = {"operation": "invoke", "effect": "delay", "seconds": MODEL_SECONDS}
                call(f"{stack.models.url}/_faults", "", slow)
            yield first, second, replication


class Front:
    """Chooses a region as the DNS records do: the second one if it is active, otherwise the first if it answers."""

    def __init__(self, first: LocalStack, second: LocalStack) -> None:
        self._first, self._second = first, second
        self._end = Event()
        self._thread = Thread(target=self._watch, name="health checks", daemon=True)
        self.chosen = first

    def __enter__(self) -> "Front":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(HEALTH_SECONDS):
            second = health_status(f"{self._second.api_url}/health/ready", self._first.admin_key)
            first = health_status(f"{self._first.api_url}/health", "")
            # With nothing healthy, Route 53 answers with the first record, which is that of the second region.
            self.chosen = self._first if second != 200 and first == 200 else self._second


class Traffic:
    """One client that posts requests one after the other, until it is stopped. Each has a prompt of its own."""

    def __init__(self, choose: Callable[[], LocalStack], key: str, per_second: float, subject: str) -> None:
        """``choose`` returns the region to call."""
        self._choose, self._key, self._pause, self._subject = choose, key, 1 / per_second, subject
        self._end = Event()
        self._lock = Lock()
        self._thread = Thread(target=self._run, name="traffic", daemon=True)
        self._accepted: list[Accepted] = []
        self.refused: Counter[str] = Counter()

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Post nothing more."""
        self._end.set()
        self._thread.join()

    def accepted(self, region: str | None = None) -> list[Accepted]:
        """Return what was accepted, by ``region`` only if it is given."""
        with self._lock:
            return [each for each in self._accepted if region in (None, each.region)]

    def _run(self) -> None:
        number = 0
        while not self._end.wait(self._pause):
            number += 1
            prompt, stack = f"{self._subject}, number {number}", self._choose()
            try:
                answer = call(f"{stack.api_url}/v1/requests", self._key, {"prompt": prompt})
            except urllib.error.HTTPError as error:
                self.refused[f"{error.code} from {stack.region}"] += 1
            except OSError as error:  # refused, reset or too late
                self.refused[f"{type(error).__name__} from {stack.region}"] += 1
            else:
                with self._lock:
                    self._accepted.append(Accepted(answer["id"], prompt, stack.region, time.monotonic()))


def statuses(stack: LocalStack, key: str, accepted: Collection[Accepted]) -> Callable[[], dict[str, str]]:
    """Return a function that returns the status of every request that ``stack`` knows. It reads ended ones once."""
    found: dict[str, str] = {}

    def read() -> dict[str, str]:
        for each in accepted:
            if found.get(each.request_id) in TERMINAL:
                continue
            try:
                found[each.request_id] = call(f"{stack.api_url}/v1/requests/{each.request_id}", key)["status"]
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.NOT_FOUND:
                    raise
            except TimeoutError:
                found.setdefault(each.request_id, "unknown")  # on a busy machine; it is read again
        return found

    return read


def have_ended(statuses: Mapping[str, str]) -> bool:
    """Return whether every status is a terminal one."""
    return all(status in TERMINAL for status in statuses.values())


def without_file(stack: LocalStack, key: str, statuses: Mapping[str, str]) -> list[str]:
    """Return the succeeded requests whose first image ``stack`` cannot deliver."""
    succeeded = [request_id for request_id, status in statuses.items() if status == Status.SUCCEEDED]
    return [request_id for request_id in succeeded if not _is_delivered(stack, key, request_id)]


def _is_delivered(stack: LocalStack, key: str, request_id: str) -> bool:
    image = call(f"{stack.api_url}/v1/requests/{request_id}", key)["images"][0]
    try:
        with urllib.request.urlopen(image["url"], timeout=CALL_SECONDS) as answer:
            return bool(answer.read())
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        return False


def paid(first: LocalStack, second: LocalStack, accepted: Collection[Accepted]) -> "Counter[str]":
    """Return how often the image of each request was paid for, in both regions together."""
    prompts = {prompt_hash(each.prompt): each.request_id for each in accepted}
    logs = [call(f"{stack.models.url}/_calls", "")["calls"] for stack in (first, second)]
    return Counter(
        prompts[made["prompt_sha256"]]
        for made in itertools.chain.from_iterable(logs)
        if made["operation"] == "invoke" and made["paid"] and made["prompt_sha256"] in prompts
    )


def start_ops(stack: LocalStack, other: LocalStack, *arguments: str) -> "subprocess.Popen[str]":
    """Start the operators' command line on ``stack``. Its output goes to pipes."""
    away = ["--other", other.region, "--other-endpoint-url", other.emulator.url] if stack is not other else []
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments, *away],
        env={**os.environ, **stack.environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ops(stack: LocalStack, other: LocalStack, *arguments: str, codes: Collection[int] = (OK,)) -> str:
    """Run the operators' command line on ``stack`` and return what it prints. ``other``: the same, or the other region.

    Raises ``DrillError`` if the exit code is not one of ``codes``.
    """
    with start_ops(stack, other, *arguments) as process:
        try:
            output, errors = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.returncode not in codes:
        raise DrillError(f"{' '.join(arguments)}: {output}{errors}")
    return output


def audit(stack: LocalStack) -> dict[str, int]:
    """Return the violations that `audit` finds in a region, by rule."""
    report = json.loads(ops(stack, stack, "audit", "--output", "json", codes=(OK, BROKEN)))
    if not report["complete"]:
        raise DrillError(f"the audit of {stack.region} is not complete: {report}")
    return dict(Counter(finding["rule"] for finding in report["violations"]))


def messages(stack: LocalStack, *, dead: bool) -> dict[str, int]:
    """Return the number of messages per queue that has any: of the dead-letter queues, or of the others."""
    sqs, found = stack.client("sqs"), {}
    counts = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
    for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix=stack.prefix):
        for url in page.get("QueueUrls", []):
            name = url.rpartition("/")[2].removeprefix(f"{stack.prefix}-")
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
            found[name] = sum(map(int, attributes.values()))
    return {name: count for name, count in found.items() if count and name.endswith("-dlq") == dead}


def interrupt(process: "subprocess.Popen[str]", what: str, probe: Callable[[], bool]) -> None:
    """Kill an operator's command once ``probe`` returns True. Raise ``DrillError`` if it has ended before."""
    with process:
        try:
            until(what, lambda: process.poll() is not None or probe())
        finally:
            ended = process.poll() is not None
            process.kill()
        if ended:
            raise DrillError(f"{what}: the command ended before: {process.communicate()}")


def until(what: str, probe: Callable[[], bool], seconds: float = END_SECONDS) -> None:
    """Return once ``probe`` returns True. Raise ``DrillError`` if it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() >= deadline:
            raise DrillError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def call(url: str, key: str, body: Any = None) -> Any:
    """Call an API and return what it answers."""
    request = urllib.request.Request(url, headers={"content-type": "application/json", "x-api-key": key})
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
        return json.load(answer)


def health_status(url: str, key: str) -> int:
    """Return the status of a health check, 0 if nothing answers."""
    request = urllib.request.Request(url, headers={"x-api-key": key})
    try:
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def listed(counts: Mapping[str, int]) -> str:
    """Return counts as one cell of a table."""
    return ", ".join(f"{count}x {name}" for name, count in counts.items()) or "none"


def show(title: str, rows: Mapping[str, object]) -> None:
    """Print the result of a drill as a table."""
    shown = Table(title=title, title_justify="left")
    shown.add_column("figure")
    shown.add_column("value", justify="right")
    for name, value in rows.items():
        shown.add_row(name, str(value))
    console.print(shown)


def say(text: str) -> None:
    """Print a step of the drill."""
    console.print(f"• {text}")
