"""One load test: start a stack, let Locust's users work, wait for every accepted request, audit."""

import csv
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from events.pipeline import TERMINAL
from local.emulator import ROOT
from local.stack import LocalStack
from tools.chaos.client import Client, NoResponseError, ResponseLog
from tools.chaos.operator import Operator
from tools.load.samples import Growth, QueueAge, Sampler, growths

OWNERS: Final = 4
KEY_LIMIT: Final = 1_000_000
PER_SECOND: Final = 2
"""Users that start per second."""
END_SECONDS: Final = 300.0
"""Time within which every accepted request must have ended after the last user stopped."""
SHOW_SECONDS: Final = 10.0
UNKNOWN: Final = "unknown"
ERRORS: Final = 0.01
"""Share of calls that may fail."""

Progress = Callable[[str], None]


class LoadError(RuntimeError):
    """Locust could not run. The text is the end of its output."""


@dataclass(frozen=True)
class Route:
    """What the users saw of one route. Times are milliseconds."""

    method: str
    name: str
    calls: int
    errors: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Result:
    """What a run found."""

    users: int
    minutes: float
    routes: Sequence[Route]
    failures: Counter[str]
    """Failed calls by route and reason."""
    queues: dict[str, QueueAge]
    accepted: int
    statuses: Counter[str]
    lost: Sequence[str]
    """Accepted requests that the API does not know, or that did not end in time."""
    ended_after: float
    """Seconds from the end of the load until every request had ended."""
    audit: tuple[int, str]
    growths: Sequence[Growth]

    @property
    def checks(self) -> dict[str, bool]:
        """What must hold. Leaks are judged if the run was long enough."""
        calls, errors = sum(each.calls for each in self.routes), sum(each.errors for each in self.routes)
        return {
            "every accepted request ended": bool(self.accepted) and not self.lost,
            f"at most {ERRORS:.0%} of the calls failed": errors <= ERRORS * calls,
            "the audit is clean": self.audit[0] == 0,
            **({"no process leaks": not any(each.leaks for each in self.growths)} if self.growths else {}),
        }


def run(directory: Path, users: int, minutes: float, progress: Progress) -> Result:
    """Run a load test with all files in ``directory``. Raise ``LoadError``."""
    with LocalStack(directory / "stack", instant_models=True, progress=progress) as stack:
        keys = [stack.make_key(f"load-{number}", limit=KEY_LIMIT) for number in range(OWNERS)]
        accepted = directory / "accepted.txt"
        accepted.touch()
        sampler = Sampler(stack)
        sampler.start()
        try:
            _locust(stack, keys, directory, users=users, minutes=minutes, progress=progress)
            started = time.monotonic()
            progress("the users have stopped; waiting for the end of all requests")
            found = _wait(stack, keys, [line.split() for line in accepted.read_text().splitlines()])
            ended_after = time.monotonic() - started
        finally:
            sampler.stop()
        return Result(
            users=users,
            minutes=minutes,
            routes=list(_routes(directory / "locust_stats.csv")),
            failures=_failures(directory / "locust_failures.csv"),
            queues=dict(sampler.queues),
            accepted=len(found),
            statuses=Counter(found.values()),
            lost=[request_id for request_id, status in found.items() if status not in TERMINAL],
            ended_after=ended_after,
            audit=Operator(stack).audit(),
            growths=growths(sampler.usage),
        )


def _locust(
    stack: LocalStack, keys: Sequence[str], directory: Path, *, users: int, minutes: float, progress: Progress
) -> None:
    command = [
        *(str(ROOT / ".venv/load/bin/locust"), "--locustfile", str(ROOT / "tools/load/users.py"), "--headless"),
        *("--host", stack.api_url, "--users", str(users), "--spawn-rate", str(PER_SECOND)),
        *("--run-time", f"{minutes * 60:.0f}s", "--stop-timeout", "10", "--exit-code-on-error", "0"),
        *("--csv", str(directory / "locust"), "--only-summary"),
    ]
    environment = {
        "PATH": os.defpath,
        "HOME": str(directory),
        "LOAD_KEYS": " ".join(keys),
        "LOAD_TERMINAL": " ".join(TERMINAL),
        "LOAD_OPERATOR_KEY": stack.admin_key,
        "LOAD_ACCEPTED": str(directory / "accepted.txt"),
    }
    log, started = directory / "locust.log", time.monotonic()
    progress(f"{users} users for {minutes:g} minutes")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            deadline = started + minutes * 60 + 120
            while True:
                try:
                    process.wait(SHOW_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    count = len((directory / "accepted.txt").read_text().splitlines())
                    progress(f"{time.monotonic() - started:4.0f} s  {count} requests accepted")
                if time.monotonic() > deadline:
                    raise LoadError(f"Locust did not end; see {log}")
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise LoadError(f"Locust ended with {process.returncode}: {log.read_text()[-2000:]}")


def _wait(stack: LocalStack, keys: Sequence[str], accepted: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the status of every accepted request once all have ended, or at the deadline."""
    clients = {request_id: Client(stack.api_url, keys[int(number)], ResponseLog()) for number, request_id in accepted}
    found = dict.fromkeys(clients, UNKNOWN)
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        for request_id in [each for each, status in found.items() if status not in TERMINAL]:
            found[request_id] = _status(clients[request_id], request_id)
        if all(status in TERMINAL for status in found.values()):
            break
        time.sleep(1)
    return found


def _status(client: Client, request_id: str) -> str:
    try:
        return str(client.show(request_id)["status"])
    except NoResponseError:
        return UNKNOWN


def _routes(path: Path) -> Iterator[Route]:
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["Name"] != "Aggregated" and int(row["Request Count"]):
                p50, p95, p99 = (float(row[name]) for name in ("50%", "95%", "99%"))
                calls, errors = int(row["Request Count"]), int(row["Failure Count"])
                yield Route(row["Type"], row["Name"], calls, errors, p50, p95, p99)


def _failures(path: Path) -> Counter[str]:
    with path.open(newline="") as file:
        return Counter(
            {f"{row['Method']} {row['Name']}: {row['Error']}": int(row["Occurrences"]) for row in csv.DictReader(file)}
        )
