"""One fault test from the first process to the last: storm, calm, operator, verdict."""

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

from local.emulator import free_port
from local.stack import LocalStack
from services.intake.lifecycle import ENDINGS
from tools.chaos import evidence as reading
from tools.chaos import plan
from tools.chaos.caller import Caller, GaveUpError, Told
from tools.chaos.evidence import Evidence
from tools.chaos.operator import Operator
from tools.chaos.proxy import FaultProxy
from tools.chaos.saboteur import Delayer, Killer, Listener, start
from tools.chaos.verdict import Check, Storm, judge

CALLERS: Final = 4
"""More would only make the emulator start more workers than two cores can run."""
PARAMETERS: Final = {"NudgeAfterMinutes": "1", "Patience": "short"}
"""Of the template: recovery is the same, sooner."""
PACE: Final = 1.6
"""Requests a second."""
CALM_AFTER: Final = 60.0
"""Seconds after the last request was sent in which faults go on."""
STALLED_WITHIN: Final = 150.0
"""Seconds in which five attempts are over, their pauses included."""
COUNTING: Final = "analytics-record"
QUIET: Final = 8.0
"""Seconds in which nothing moves any more: what is still hidden was in the hands of a worker that was killed."""
POISON: Final = 3
"""Messages that nobody can read."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What is wanted."""

    count: int
    seed: int
    share: float
    """Of all calls that get a fault."""
    kills: int
    deadline: float
    """Seconds after which it stops and says what hangs."""


@dataclass
class Report:
    """Everything that is told at the end."""

    options: Options
    checks: list[Check]
    storm: Storm
    evidence: Evidence
    told: Told
    faults: dict[tuple[str, str], int]
    calls: dict[str, int]
    model_faults: dict[tuple[str, str], int]
    copies: dict[str, int]
    late_delays: int
    killed: dict[str, int]
    killed_idle: dict[str, int]
    handled: Any
    audit: tuple[int, str]
    hanging: list[str]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Tell whether everything held."""
        return all(check.holds for check in self.checks) and not self.hanging and self.audit[0] == 0


class Chaos:
    """A stack in a storm."""

    def __init__(self, directory: Path, options: Options, say: Say) -> None:
        self.options, self._say = options, say
        port, proxy_port = free_port(), free_port()
        self._proxy = FaultProxy(directory, port=proxy_port, upstream=f"http://127.0.0.1:{port}", seed=options.seed)
        self._stack = LocalStack(
            directory / "stack",
            port=port,
            auth=False,  # the proxy changes the host, which is signed
            parameters=PARAMETERS,
            variables={"AWS_ENDPOINT_URL": self._proxy.url},
            say=say,
        )
        self._cases = plan.cases(options.count, options.seed)
        self._ids: dict[int, set[str]] = defaultdict(set)
        self._gave_up: list[str] = []
        self._told = Told()
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._began = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.options.deadline - (time.monotonic() - self._began)

    def run(self) -> Report:
        """Do all of it. Whatever happens, nothing is left running."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._proxy.stop)
            self._proxy.start()
            stack.enter_context(self._stack)
            return self._weather()

    def _weather(self) -> Report:
        started = time.monotonic()
        self._caller = Caller(self._stack.api_url, self._stack.make_key("chaos", limit=1_000_000), self._told)
        self._listener, operator = Listener(self._stack, self.options.seed), Operator(self._stack)
        storm_seconds = self.options.count / PACE + CALM_AFTER / 2
        kills = plan.kills(self.options.kills, storm_seconds, self.options.seed)
        self._delayer = Delayer(self._stack, self.options.seed)
        self._killer = Killer(self._stack.emulator.pid or 0, self._stack.prefix, kills)
        stop_listening = start([self._listener])
        try:
            stop_storm = start([self._delayer, self._killer])
            try:
                self._storm(storm_seconds)
            finally:
                self._say("calm: no more faults")
                self._calls = self._proxy.requests()
                self._proxy.set_rules([])
                stop_storm()
            self._listener.sabotaging = False
            model_faults = self._model_faults()
            self._models("PUT", "/_faults", {"faults": [plan.GATE, *plan.LASTING]})
            self._open_the_gate()
            stormed = time.monotonic() - started
            hanging = self._see_to_the_rest(operator)
        finally:
            stop_listening()
        return self._report(operator, model_faults, hanging, {"storm": stormed, "all": time.monotonic() - started})

    def _storm(self, seconds: float) -> None:
        share, seed = self.options.share, self.options.seed
        self._say(
            f"storm: {share:.0%} faults on every service, {self.options.kills} kills, {len(self._cases)} requests"
        )
        self._proxy.set_rules([*plan.outages(seconds, seed, time.time()), *plan.service_rules(share)])
        self._models("PUT", "/_faults", {"faults": plan.model_rules(share, seed)})
        self._poison()
        began = time.monotonic()
        with ThreadPoolExecutor(CALLERS) as pool:
            for case in self._cases:
                pause = began + case.number / PACE - time.monotonic()
                time.sleep(max(0.0, pause))
                pool.submit(self._ask, case)
        until = time.monotonic() + CALM_AFTER
        while time.monotonic() < until and self.left > 0 and self._still_open(but_stalled=True):
            time.sleep(0.5)

    def _open_the_gate(self) -> None:
        """Mend the missing permission, once everything that needs it has stalled: so there is something to replay."""
        wanted = {i for case in self._cases if case.stalls for i in self._ids.get(case.number, set())}
        until = time.monotonic() + STALLED_WITHIN
        while time.monotonic() < until and self.left > 0 and wanted & set(self._still_open(but_stalled=True)):
            time.sleep(0.5)
        self._models("PUT", "/_faults", {"faults": plan.LASTING})
        self._say("operator: the permission is mended")

    def _poison(self) -> None:
        sqs = self._stack.client("sqs")
        for number in range(POISON):
            name = f"{self._stack.prefix}-storage-store"
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=f"this is no event, number {number}")

    def _ask(self, case: plan.Case) -> None:
        body, key = {"prompt": case.prompt, "count": case.count, "seed": case.number * 10 + 1}, f"chaos-{case.number}"

        def ask() -> None:
            try:
                request_id = self._caller.post(body, key)
            except GaveUpError as error:
                self._gave_up.append(f"case {case.number}: {error}")
            else:
                with self._lock:
                    self._ids[case.number].add(request_id)

        racer = threading.Thread(target=ask) if case.raced else None
        if racer:
            racer.start()
        ask()
        if racer:
            racer.join()

    def progress(self) -> dict[str, int]:
        """Return how far it is, for whoever watches."""
        listener = getattr(self, "_listener", None)
        killer = getattr(self, "_killer", None)
        statuses = [status for _, status in listener.statuses.values()] if listener else []
        return {
            "sent": len(self._ids),
            "ended": sum(status in ENDINGS for status in statuses),
            "stalled": statuses.count("stalled"),
            "killed": killer.killed.total() + killer.idle.total() if killer else 0,
            "copies": listener.copies.total() if listener else 0,
        }

    def _still_open(self, *, but_stalled: bool = False) -> list[str]:
        done = ENDINGS | {"stalled"} if but_stalled else ENDINGS
        ids = {request_id for found in list(self._ids.values()) for request_id in found}
        return [request_id for request_id in ids if self._listener.statuses.get(request_id, (0, ""))[1] not in done]

    def _see_to_the_rest(self, operator: Operator) -> list[str]:
        """Do the operator's part until nothing is open or waits; return what hangs at the deadline."""
        quiet_since, before = time.monotonic(), dict[str, int]()
        while self.left > 0:
            if reading.waiting(self._stack, "-dlq"):
                self._say("operator: dead letters are replayed")
                operator.clear()
            hidden = reading.hidden(self._stack)
            uncounted = COUNTING in hidden  # analytics has no other source: nothing but the message itself tells it
            moving = self._listener.waiting or hidden != before or uncounted
            if self._still_open() or reading.waiting(self._stack) or moving:
                quiet_since, before = time.monotonic(), hidden
            elif time.monotonic() - quiet_since > QUIET:
                return []
            time.sleep(1)
        return [
            *self._hanging(),
            *(f"{name}: {count} messages" for name, count in reading.waiting(self._stack).items()),
        ]

    def _hanging(self) -> Iterator[str]:
        for request_id in self._still_open():
            try:
                view = self._caller.show(request_id)
            except GaveUpError as error:
                yield f"{request_id}: {error}"
            else:
                yield f"{request_id} is {view['status']}: {[moment['event'] for moment in view['timeline']]}"

    def _report(
        self,
        operator: Operator,
        model_faults: dict[tuple[str, str], int],
        hanging: list[str],
        seconds: dict[str, float],
    ) -> Report:
        found = reading.collect(self._stack)
        killed = {**self._killer.killed}
        idle = {**self._killer.idle}
        storm = Storm(
            cases=self._cases,
            ids=self._ids,
            gave_up=self._gave_up,
            wrong_answers=self._told.wrong,
            variants=self._listener.variants,
            types=self._listener.types,
            draw_kills=killed.get("generation-generate", 0) + idle.get("generation-generate", 0),
            kills=sum(killed.values()) + sum(idle.values()),
            counted=self._counted(),
            operator_trouble=operator.handled.trouble,
        )
        return Report(
            options=self.options,
            checks=judge(storm, found),
            storm=storm,
            evidence=found,
            told=self._told,
            faults=dict(self._proxy.faults()),
            calls=dict(self._calls),
            model_faults=model_faults,
            copies=dict(self._listener.copies),
            late_delays=self._delayer.changes,
            killed=killed,
            killed_idle=idle,
            handled=operator.handled,
            audit=operator.audit(),
            hanging=hanging,
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
