"""`make drill REGIONS=2`: lose a region under traffic, fail over to the other one, and count what was lost.

Two emulators run the deployed template, one active and one passive, with a stand-in for AWS's replication between them
(`local/regions.py`). A front sends callers to the region that is healthy, as the DNS records do. Traffic starts, the
active emulator is killed, an operator fails over, traffic goes on. The drill ends by itself.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from events.pipeline import TERMINAL
from local.bedrock.calls import prompt_hash
from local.regions import Replication, create_replicas
from local.stack import LocalStack, Replica
from local.state import DIRECTORY

FIRST: Final = "us-east-1"
SECOND: Final = "us-west-2"
HEALTH_SECONDS: Final = 1.0
"""Time between two health checks. Route 53 takes 10 or 30 s, and three failures."""
CALL_SECONDS: Final = 10
MODEL_SECONDS: Final = 0.7
"""Duration of a model call, so that images are being generated whenever the region is lost."""
END_SECONDS: Final = 600
"""Time within which everything must have ended."""
RTO_HOURS: Final = 4
RPO_HOURS: Final = 1

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


@dataclass
class Result:
    """What the drill measured. All times are seconds."""

    accepted: Mapping[str, int]
    """Per region."""
    statuses: Mapping[str, int]
    """The last status of every request that the second region knows."""
    lost: list[str]
    """Requests that were accepted and are not in the second region."""
    unfinished: list[str]
    published: int
    """Requests that were open in the second region at the failover. Only they may be paid for again."""
    payments: Mapping[str, int]
    """Request → how often its image was paid for, in both regions together."""
    without_service: float
    """From the loss of the region to the first request that was accepted again."""
    failover: float
    """Duration of the operator's command."""
    all_ended: float
    """RTO: from the loss of the region until everything that was replicated had ended."""
    lost_seconds: float
    """RPO: age of the oldest lost request when the region was lost."""
    behind_seconds: float
    """How old the newest state was that the second region had completely, when the first one was lost."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Calls without a result, by reason."""

    @property
    def paid_again(self) -> int:
        """Images that were paid for more than once."""
        return sum(1 for times in self.payments.values() if times > 1)


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
            second = _status(f"{self._second.api_url}/health/ready", self._first.admin_key)
            first = _status(f"{self._first.api_url}/health", "")
            # With nothing healthy, Route 53 answers with the first record, which is that of the second region.
            self.chosen = self._first if second != 200 and first == 200 else self._second


class Traffic:
    """One client that posts requests one after the other, until it is stopped."""

    def __init__(self, front: Front, key: str, per_second: float) -> None:
        self._front, self._key, self._pause = front, key, 1 / per_second
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
            prompt, stack = f"A lighthouse on a cliff, number {number}", self._front.chosen
            try:
                answer = _call(f"{stack.api_url}/v1/requests", self._key, {"prompt": prompt})
            except urllib.error.HTTPError as error:
                self.refused[f"{error.code} from {stack.region}"] += 1
            except OSError as error:  # refused, reset or too late
                self.refused[f"{type(error).__name__} from {stack.region}"] += 1
            else:
                with self._lock:
                    self._accepted.append(Accepted(answer["id"], prompt, stack.region, time.monotonic()))


def drill(directory: Path, *, requests: int = 40, per_second: float = 3, lag: float = 0.5) -> Result:
    """Run the drill with stacks in ``directory`` and ``requests`` before and after the loss. Raise ``DrillError``."""
    with LocalStack(directory / "first", progress=_say, instant_models=True) as first:
        _ops(first, first, "region", "add", SECOND, "--yes")
        _say(f"{SECOND} has replicas of all tables and secrets")
        with (
            LocalStack(
                directory / "second",
                progress=_say,
                instant_models=True,
                replica=Replica(SECOND, lambda second: create_replicas(first, second)),
            ) as second,
            Replication(first, second, lag) as replication,
            Front(first, second) as front,
            Traffic(front, first.api_key, per_second) as traffic,
        ):
            for stack in (first, second):
                slow = {"operation": "invoke", "effect": "delay", "seconds": MODEL_SECONDS}
                _call(f"{stack.models.url}/_faults", "", slow)
            return _lose(first, second, replication, traffic, requests)


def _lose(first: LocalStack, second: LocalStack, replication: Replication, traffic: Traffic, requests: int) -> Result:
    _until("the requests before the loss", lambda: len(traffic.accepted(FIRST)) >= requests)
    if replication.error:
        raise DrillError(f"replication ended: {replication.error!r}")
    _say(f"{requests} requests accepted; killing {FIRST}")
    lost_at = time.monotonic()
    first.emulator.kill()
    replication.stop()
    behind = lost_at - replication.complete_until
    _say(f"{FIRST} is lost; {SECOND} is {behind:.1f} s behind")
    started = time.monotonic()
    answer = json.loads(_ops(second, first, "region", "failover", "--yes", "--output", "json", "--other", FIRST))
    failover = time.monotonic() - started
    _say(f"region failover: {answer}")
    _until("requests after the loss", lambda: len(traffic.accepted(SECOND)) >= requests)
    traffic.stop()
    accepted = traffic.accepted()
    known = _statuses(second, first.api_key, accepted)
    _until("the end of all requests", lambda: all(status in TERMINAL for status in known().values()))
    ended = time.monotonic()
    found = known()
    lost = [each for each in accepted if each.request_id not in found]
    return Result(
        accepted=Counter(each.region for each in accepted),
        statuses=Counter(found.values()),
        lost=[each.request_id for each in lost],
        unfinished=[request_id for request_id, status in found.items() if status not in TERMINAL],
        published=answer["published"],
        payments=_paid(first, second, accepted),
        without_service=traffic.accepted(SECOND)[0].at - lost_at,
        failover=failover,
        all_ended=ended - lost_at,
        lost_seconds=max((lost_at - each.at for each in lost), default=0.0),
        behind_seconds=behind,
        refused=dict(traffic.refused),
    )


def _statuses(stack: LocalStack, key: str, accepted: list[Accepted]) -> Any:
    """Return a function that returns the status of every request that ``stack`` knows. It reads ended ones once."""
    found: dict[str, str] = {}

    def read() -> dict[str, str]:
        for each in accepted:
            if found.get(each.request_id) in TERMINAL:
                continue
            try:
                found[each.request_id] = _call(f"{stack.api_url}/v1/requests/{each.request_id}", key)["status"]
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
            except TimeoutError:
                found.setdefault(each.request_id, "unknown")  # on a busy machine; it is read again
        return found

    return read


def _paid(first: LocalStack, second: LocalStack, accepted: list[Accepted]) -> "Counter[str]":
    """Return how often the image of each request was paid for, in both regions together."""
    prompts = {prompt_hash(each.prompt): each.request_id for each in accepted}
    calls = [call for stack in (first, second) for call in _call(f"{stack.models.url}/_calls", "")["calls"]]
    return Counter(
        prompts[call["prompt_sha256"]]
        for call in calls
        if call["operation"] == "invoke" and call["paid"] and call["prompt_sha256"] in prompts
    )


def _ops(stack: LocalStack, other: LocalStack, *arguments: str) -> str:
    """Run the operators' command line on ``stack`` and return what it prints."""
    away = ["--other-endpoint-url", other.emulator.url] if "--other" in arguments else []
    done = stack.ops(*arguments, *away)
    if done.returncode:
        raise DrillError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def _until(what: str, probe: Any, seconds: float = END_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() >= deadline:
            raise DrillError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def _call(url: str, key: str, body: Any = None) -> Any:
    request = urllib.request.Request(url, headers={"content-type": "application/json", "x-api-key": key})
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
        return json.load(answer)


def _status(url: str, key: str) -> int:
    """Return the status of a health check, 0 if nothing answers."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers={"x-api-key": key}), timeout=CALL_SECONDS
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def table(result: Result) -> Table:
    """Return the result as a table."""
    shown = Table(title=f"{FIRST} lost under traffic, failover to {SECOND}", title_justify="left")
    shown.add_column("figure")
    shown.add_column("value", justify="right")
    rows = {
        f"accepted by {FIRST}": result.accepted.get(FIRST, 0),
        f"accepted by {SECOND} after the failover": result.accepted.get(SECOND, 0),
        **{f"ended as {status}": count for status, count in sorted(result.statuses.items())},
        "lost: accepted, not replicated": len(result.lost),
        "not ended": len(result.unfinished),
        "open at the failover, published again": result.published,
        "payments for images": sum(result.payments.values()),
        "images paid for again": result.paid_again,
        "calls without service": ", ".join(f"{count}x {why}" for why, count in result.refused.items()) or "none",
        "replication was behind by": f"{result.behind_seconds:.1f} s",
        "time without service": f"{result.without_service:.1f} s",
        "of which the command": f"{result.failover:.1f} s",
        f"RTO, until all had ended (goal {RTO_HOURS} h)": f"{result.all_ended:.1f} s",
        f"RPO, age of the oldest lost request (goal {RPO_HOURS} h)": f"{result.lost_seconds:.1f} s",
    }
    for name, value in rows.items():
        shown.add_row(name, str(value))
    return shown


def _say(text: str) -> None:
    console.print(f"• {text}")


def main() -> None:
    """Run the drill and print its result."""
    parser = argparse.ArgumentParser(prog="python -m tools.region_drill", description=__doc__)
    parser.add_argument("--requests", type=int, default=40, help="accepted requests before and after the loss")
    parser.add_argument("--per-second", type=float, default=3)
    parser.add_argument("--lag", type=float, default=0.5, help="seconds that replication takes at least")
    arguments = parser.parse_args()
    try:
        result = drill(
            DIRECTORY / "drill", requests=arguments.requests, per_second=arguments.per_second, lag=arguments.lag
        )
    except DrillError as error:
        sys.exit(str(error))
    console.print(table(result))
    for request_id in result.lost:
        console.print(f"lost: {request_id}")
    if result.unfinished:
        sys.exit(f"{len(result.unfinished)} requests did not end.")


if __name__ == "__main__":
    main()
