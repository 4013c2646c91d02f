"""One run: inject faults, stop them, act as the operator, verify the invariants."""

import contextlib
import json
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from events.pipeline import TERMINAL
from local.emulator import free_port
from local.stack import LocalStack
from local.worker import PARAMETERS as WORKER_PARAMETERS
from tools.chaos import evidence as reading
from tools.chaos import plan
from tools.chaos.client import Client, NoResponseError, ResponseLog
from tools.chaos.evidence import Evidence
from tools.chaos.fault_injectors import Delayer, Killer, Repeater, start
from tools.chaos.invariants import Check, RunRecord, judge
from tools.chaos.operator import Operator
from tools.chaos.proxy import FaultProxy

CALLERS: Final = 4
"""With more, the emulator would start more workers than two cores can run."""
PARAMETERS: Final = {"NudgeAfterMinutes": "1", "TimeoutProfile": "short"}
"""Template parameters that make recovery quicker to watch."""
WORKER_STOP: Final = "60"
"""Seconds that the worker has after SIGTERM: longer than a model call, so that it loses none and pays nothing again."""
PACE: Final = 1.6
"""Requests per second."""
CALM_AFTER: Final = 60.0
"""Seconds for which faults continue after the last request."""
STALLED_WITHIN: Final = 150.0
"""Seconds within which five attempts and their pauses are over."""
COUNTING: Final = "analytics-record"
QUIET: Final = 8.0
"""After so many seconds without a change, hidden messages belong to workers that were killed."""
POISON: Final = 3
"""Messages that no consumer can read."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """The options of a run."""

    count: int
    seed: int
    share: float
    """The share of calls that get a fault."""
    kills: int
    deadline: float
    """Seconds after which the run stops and names what is stuck."""
    worker: bool = False
    """Whether a process generates images instead of the function."""


@dataclass
class Report:
    """The result of a run."""

    options: Options
    checks: list[Check]
    run: RunRecord
    evidence: Evidence
    responses: ResponseLog
    faults: dict[tuple[str, str], int]
    calls: dict[str, int]
    model_faults: dict[tuple[str, str], int]
    copies: dict[str, int]
    late_delays: int
    killed: dict[str, int]
    killed_idle: dict[str, int]
    stopped: dict[str, int]
    dead_letters: Any
    audit: tuple[int, str]
    stuck: list[str]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether every invariant holds."""
        return all(check.holds for check in self.checks) and not self.stuck and self.audit[0] == 0


class Chaos:
    """A stack with a fault proxy, and everything that injects faults."""

    def __init__(self, directory: Path, options: Options, progress: Progress) -> None:
        self.options, self._progress = options, progress
        port, proxy_port = free_port(), free_port()
        self._proxy = FaultProxy(directory, port=proxy_port, upstream=f"http://127.0.0.1:{port}", seed=options.seed)
        self._stack = LocalStack(
            directory / "stack",
            port=port,
            auth=False,  # the proxy changes the host, which is signed
            parameters={**PARAMETERS, **(WORKER_PARAMETERS if options.worker else {})},
            variables={"AWS_ENDPOINT_URL": self._proxy.url, "WORKER_STOP": WORKER_STOP},
            progress=progress,
        )
        self._cases = plan.cases(options.count, options.seed)
        self._ids: dict[int, set[str]] = defaultdict(set)
        self._unanswered: list[str] = []
        self._cancelled: set[str] = set()
        self._responses = ResponseLog()
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._started_at = time.monotonic()
        self._deployed = threading.Event()

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.options.deadline - (time.monotonic() - self._started_at)

    def run(self) -> Report:
        """Run all phases. Stop every process in any case."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._proxy.stop)
            self._proxy.start()
            stack.enter_context(self._stack)
            return self._run_phases()

    def _run_phases(self) -> Report:
        started = time.monotonic()
        self._caller = Client(self._stack.api_url, self._stack.make_key("chaos", limit=1_000_000), self._responses)
        self._repeater, operator = Repeater(self._stack, self.options.seed), Operator(self._stack)
        fault_seconds = self.options.count / PACE + CALM_AFTER / 2
        kills = plan.kills(self.options.kills, fault_seconds, self.options.seed)
        self._delayer = Delayer(self._stack, self.options.seed)
        self._killer = Killer(self._stack.emulator.pid or 0, self._stack.prefix, kills, self._stack.worker)
        self._deployed.set()
        stop_repeater = start([self._repeater])
        try:
            stop_faults = start([self._delayer, self._killer])
            try:
                self._inject_faults(fault_seconds)
            finally:
                self._progress("faults stopped")
                self._calls = self._proxy.requests()
                self._proxy.set_rules([])
                stop_faults()
            self._repeater.active = False
            model_faults = self._model_faults()
            self._models("PUT", "/_faults", {"faults": [plan.DENIED, *plan.PERMANENT_RULES]})
            self._restore_permission()
            fault_phase = time.monotonic() - started
            stuck = self._drain(operator)
        finally:
            stop_repeater()
        return self._report(operator, model_faults, stuck, {"faults": fault_phase, "all": time.monotonic() - started})

    def _inject_faults(self, seconds: float) -> None:
        share, seed = self.options.share, self.options.seed
        self._progress(
            f"injecting faults into {share:.0%} of all calls, {self.options.kills} kills, {len(self._cases)} requests"
        )
        self._proxy.set_rules([*plan.outages(seconds, seed, time.time()), *plan.service_rules(share)])
        self._models("PUT", "/_faults", {"faults": plan.model_rules(share, seed)})
        self._poison()
        started = time.monotonic()
        with ThreadPoolExecutor(CALLERS) as pool:
            for case in self._cases:
                pause = started + case.number / PACE - time.monotonic()
                time.sleep(max(0.0, pause))
                pool.submit(self._send, case)
        until = time.monotonic() + CALM_AFTER
        while time.monotonic() < until and self.left > 0 and self._open_requests(ignore_stalled=True):
            time.sleep(0.5)

    def _restore_permission(self) -> None:
        """Restore the permission once every request that needs it has stalled, so that there is something to replay."""
        wanted = {i for case in self._cases if case.stalls for i in self._ids.get(case.number, set())}
        until = time.monotonic() + STALLED_WITHIN
        while time.monotonic() < until and self.left > 0 and wanted & set(self._open_requests(ignore_stalled=True)):
            time.sleep(0.5)
        self._models("PUT", "/_faults", {"faults": plan.PERMANENT_RULES})
        self._progress("operator: permission restored")

    def _poison(self) -> None:
        sqs = self._stack.client("sqs")
        for number in range(POISON):
            name = f"{self._stack.prefix}-storage-store"
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=f"not an event, number {number}")

    def _send(self, case: plan.Case) -> None:
        body, key = {"prompt": case.prompt, "count": case.count, "seed": case.number * 10 + 1}, f"chaos-{case.number}"

        def send() -> None:
            try:
                request_id = self._caller.post(body, key)
            except NoResponseError as error:
                self._unanswered.append(f"case {case.number}: {error}")
            else:
                with self._lock:
                    self._ids[case.number].add(request_id)

        duplicate = threading.Thread(target=send) if case.sent_twice else None
        if duplicate:
            duplicate.start()
        send()
        if duplicate:
            duplicate.join()
        if case.cancel_after is not None:
            self._cancel(case.cancel_after, list(self._ids[case.number]))

    def _cancel(self, after: float, request_ids: list[str]) -> None:
        time.sleep(after)
        for request_id in request_ids:
            try:
                if self._caller.cancel(request_id):
                    with self._lock:
                        self._cancelled.add(request_id)
            except NoResponseError as error:
                self._unanswered.append(f"cancel {request_id}: {error}")

    def counts(self) -> dict[str, int]:
        """Return the counts for the progress line, none before the stack is deployed."""
        if not self._deployed.is_set():
            return {}
        statuses = [status for _, status in list(self._repeater.statuses.values())]
        return {
            "sent": len(self._ids),
            "terminal": sum(status in TERMINAL for status in statuses),
            "stalled": statuses.count("stalled"),
            "killed": self._killer.killed.total() + self._killer.idle.total(),
            "copies": self._repeater.copies.total(),
        }

    def _open_requests(self, *, ignore_stalled: bool = False) -> list[str]:
        done = TERMINAL | {"stalled"} if ignore_stalled else TERMINAL
        ids = {request_id for found in list(self._ids.values()) for request_id in found}
        return [request_id for request_id in ids if self._repeater.statuses.get(request_id, (0, ""))[1] not in done]

    def _drain(self, operator: Operator) -> list[str]:
        """Act as the operator until no request is open and no message waits. Return what is stuck at the deadline."""
        quiet_since, before = time.monotonic(), dict[str, int]()
        while self.left > 0:
            if reading.waiting(self._stack, "-dlq"):
                self._progress("operator: replaying dead letters")
                operator.clear()
            hidden = reading.hidden(self._stack)
            uncounted = COUNTING in hidden  # analytics learns of an event only from its message
            moving = self._repeater.waiting or hidden != before or uncounted
            if self._open_requests() or reading.waiting(self._stack) or moving:
                quiet_since, before = time.monotonic(), hidden
            elif time.monotonic() - quiet_since > QUIET:
                return []
            time.sleep(1)
        return [
            *self._stuck(),
            *(f"{name}: {count} messages" for name, count in reading.waiting(self._stack).items()),
        ]

    def _stuck(self) -> Iterator[str]:
        for request_id in self._open_requests():
            try:
                view = self._caller.show(request_id)
            except NoResponseError as error:
                yield f"{request_id}: {error}"
            else:
                yield f"{request_id} is {view['status']}: {[entry['event'] for entry in view['timeline']]}"

    def _report(
        self,
        operator: Operator,
        model_faults: dict[tuple[str, str], int],
        stuck: list[str],
        seconds: dict[str, float],
    ) -> Report:
        found = reading.collect(self._stack)
        killed = {**self._killer.killed}
        idle = {**self._killer.idle}
        run = RunRecord(
            cases=self._cases,
            ids=self._ids,
            cancelled=frozenset(self._cancelled),
            unanswered=self._unanswered,
            invalid_responses=self._responses.invalid,
            variants=self._repeater.variants,
            types=self._repeater.types,
            generation_kills=killed.get("generation-generate", 0) + idle.get("generation-generate", 0),
            kills=sum(killed.values()) + sum(idle.values()),
            counted=self._counted(),
            operator_failures=operator.dead_letters.failures,
        )
        return Report(
            options=self.options,
            checks=judge(run, found),
            run=run,
            evidence=found,
            responses=self._responses,
            faults=dict(self._proxy.faults()),
            calls=dict(self._calls),
            model_faults=model_faults,
            copies=dict(self._repeater.copies),
            late_delays=self._delayer.changes,
            killed=killed,
            killed_idle=idle,
            stopped={**self._killer.stopped},
            dead_letters=operator.dead_letters,
            audit=operator.audit(),
            stuck=stuck,
            seconds=seconds,
        )

    def _counted(self) -> dict[str, Any]:
        key = self._stack.make_key("chaos", ["analytics:read"])
        request = urllib.request.Request(f"{self._stack.api_url}/v1/analytics/daily", headers={"x-api-key": key})
        with urllib.request.urlopen(request, timeout=30) as answer:
            total: dict[str, Any] = json.load(answer)["total"]
        return total

    def _model_faults(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = defaultdict(int)
        for rule in self._models("GET", "/_faults")["faults"]:
            if not rule["prompt_contains"]:
                found[rule["operation"], rule["effect"]] += rule["used"]
        return dict(found)

    def _models(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._stack.models.url + path, content, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
