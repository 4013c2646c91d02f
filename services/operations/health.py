"""Health of the installation: its dependencies, backlogs and dead letters."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, Protocol

from kit.callers import Priority
from kit.schemas import Schema
from services.operations.dead_letters.ports import Counts

TIMEOUT_SECONDS: Final = 5.0
"""The budget of all checks together, which run in parallel. What has not answered by then counts as failed."""
SLOW_SECONDS: Final = 1.0
"""Seconds after which an answer counts as slow."""
CACHE_SECONDS: Final = 10.0
"""Seconds for which a result is returned again, so that polling costs nothing."""
LATE: Final = 15 * 60
"""Seconds that a message may wait: as long as consumers retry."""
PARALLEL_PROBES: Final = 16
OLDEST_BOTO3: Final = (1, 40, 70)
"""The oldest SDK of a Lambda runtime that functions without the SDK layer support (ADR 18)."""
QUEUES: Final = "queues"
CACHE: Final = "cache"


class Health(Schema):
    """The API responds."""

    status: Literal["ok"] = "ok"
    """Always ``ok``."""
    version: str
    """Version of the installation."""


class Dependency(Schema):
    """A resource that the installation needs."""

    name: str
    """Name of the resource."""
    reachable: bool
    """Whether it responds."""
    status: Literal["ok", "slow", "failed"]
    """``slow``: it took more than a second, as also happens in a function that has just started."""
    milliseconds: int | None = None
    """How long the check took. Absent if it had not answered after five seconds, when the response is sent."""
    error: str | None = None
    """Name of the error, such as ``AccessDeniedException``, or ``Timeout``."""


class StepQueue(Schema):
    """A queue and its dead-letter queue, in approximate numbers. Missing ones are unknown."""

    step: str
    """The step that consumes the queue."""
    waiting: int | None = None
    """Messages that wait."""
    in_flight: int | None = None
    """Messages that are being processed."""
    dead: int | None = None
    """Dead letters."""
    oldest_seconds: int | None = None
    """Age of the oldest message as CloudWatch reported it, up to two minutes ago."""
    oldest_dead_seconds: int | None = None
    """Age of the oldest dead letter as CloudWatch reported it."""


class Readiness(Schema):
    """``ok``; ``degraded``: it works but needs an operator.

    ``unavailable``: a dependency is unreachable, or another region is the active one.
    """

    status: Literal["ok", "degraded", "unavailable"]
    """The state of the installation."""
    version: str
    """Version of the installation."""
    boto3_version: str
    """The SDK of Lambda's runtime, which all functions use that have no SDK layer."""
    checked_at: datetime
    """When the state was determined, up to ten seconds ago."""
    writes: Literal["open", "stopped", "unknown"]
    """Whether new requests are accepted. If an operator has stopped them, ``attention`` has since when and why."""
    shedding: Priority | Literal["none", "unknown"]
    """New requests of API keys up to this priority are refused, because too many wait. ``attention`` has for what."""
    attention: list[str]
    """What needs attention."""
    dependencies: list[Dependency]
    """One entry per resource."""
    steps: list[StepQueue]
    """One entry per queue."""


class Shed(NamedTuple):
    """Intake's decision to refuse requests because too many wait."""

    up_to: Priority
    step: str
    seconds: int


class Probes(Protocol):
    """The probes. Each call may be slow or raise."""

    def dependencies(self) -> Mapping[str, Callable[[], object]]:
        """Return functions by name that raise if the dependency is unavailable."""

    def counts(self, queue: str) -> Counts:
        """Return the numbers of messages in a queue, by its name without the prefix."""

    def ages(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return the age in seconds of the oldest message per queue, if it is known."""

    def stopped(self) -> str:
        """Return since when and why an operator has stopped writes, or "" if they are open."""

    def active_elsewhere(self) -> str:
        """Return the active region if it is another one, or ""."""

    def shed(self) -> Shed | None:
        """Return whose requests are refused because too many wait, or None."""


class ReadinessStore(Protocol):
    """Shares the state with the other environments of the function."""

    def read(self) -> Readiness | None:
        """Return the state that was written within the last ``CACHE_SECONDS``, if there is one."""

    def write(self, found: Readiness) -> None:
        """Share a state."""

    def ping(self) -> None:
        """Raise if the store is unavailable. The installation works without it."""


class Monitor:
    """Runs all probes in parallel for up to ``TIMEOUT_SECONDS``, and caches the result for ``CACHE_SECONDS``.

    So an answer never takes longer than that, however many dependencies are slow, and frequent calls cost no more than
    one every ten seconds.
    """

    def __init__(
        self,
        probes: Probes,
        queues: Sequence[str],
        version: str,
        boto3_version: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        slow: float = SLOW_SECONDS,
        fresh: float = CACHE_SECONDS,
        shared: ReadinessStore | None = None,
    ) -> None:
        self._probes = probes
        self._queues = queues
        self._version = version
        self._boto3_version = boto3_version
        self._timeout = timeout
        self._slow = slow
        self._fresh = fresh
        self._shared = shared
        self._pool = ThreadPoolExecutor(PARALLEL_PROBES)
        self._last: tuple[float, Readiness] | None = None

    def readiness(self) -> Readiness:
        """Return the state of the installation."""
        now = time.monotonic()
        if self._last is None or now - self._last[0] >= self._fresh:
            found = (self._shared.read() if self._shared else None) or self._probed()
            self._last = now - (datetime.now(UTC) - found.checked_at).total_seconds(), found
        return self._last[1]

    def _probed(self) -> Readiness:
        found = self._probe()
        if self._shared:
            self._shared.write(found)
        return found

    def _probe(self) -> Readiness:
        names = [name for queue in self._queues for name in (queue, f"{queue}-dlq")]
        optional = {CACHE: self._shared.ping} if self._shared else {}
        probes = {**self._probes.dependencies(), **optional}
        dependencies = {name: self._submit(probe) for name, probe in probes.items()}
        ages = self._pool.submit(self._probes.ages, names)
        stopped, region = self._pool.submit(self._probes.stopped), self._pool.submit(self._probes.active_elsewhere)
        shed = self._pool.submit(self._probes.shed)
        checks = {name: self._submit(self._probes.counts, name) for name in names}
        timed = [*dependencies.values(), *checks.values()]
        everything: list[Future[Any]] = [*timed, ages, stopped, region, shed]
        _, late = wait(everything, timeout=self._timeout)
        for future in late:
            future.cancel()
        known = _result(ages) or {}
        found = [self._dependency(name, [future]) for name, future in dependencies.items()]
        found.append(self._dependency(QUEUES, list(checks.values())))
        counts = {name: check.value if (check := _result(future)) else None for name, future in checks.items()}
        steps = [_step(queue, counts[queue], counts[f"{queue}-dlq"], known) for queue in self._queues]
        since, elsewhere, refused = _result(stopped), _result(region), _result(shed)
        passive = [f"passive: the active region is {elsewhere}"] if elsewhere else []
        attention = [
            *passive,
            *([f"writes: stopped {since}"] if since else []),
            *_shedding(refused),
            *_unreachable(found),
            *_waiting(steps),
            *_outdated(self._boto3_version),
        ]
        lost = bool(passive) or any(not each.reachable and each.name not in optional for each in found)
        return Readiness(
            status="unavailable" if lost else "degraded" if attention else "ok",
            version=self._version,
            boto3_version=self._boto3_version,
            checked_at=datetime.now(UTC),
            writes="unknown" if since is None else "stopped" if since else "open",
            shedding="unknown" if _error(shed) else refused.up_to if refused else "none",
            attention=attention,
            dependencies=found,
            steps=steps,
        )

    def _submit(self, probe: Callable[..., Any], *arguments: Any) -> "Future[Check]":
        return self._pool.submit(_check, probe, *arguments)

    def _dependency(self, name: str, futures: Sequence["Future[Check]"]) -> Dependency:
        """Return the state of a dependency after one or several checks: the worst of them."""
        checks = [_result(future) or Check(None, None, "Timeout") for future in futures]
        error = next((check.error for check in checks if check.error), None)
        times = [check.seconds for check in checks if check.seconds is not None]
        slowest = max(times) if len(times) == len(checks) else None
        return Dependency(
            name=name,
            reachable=error is None,
            status="failed" if error or slowest is None else "slow" if slowest > self._slow else "ok",
            milliseconds=None if slowest is None else round(slowest * 1000),
            error=error,
        )


class Check(NamedTuple):
    """The result of one check of a dependency."""

    value: Any
    seconds: float | None
    error: str | None = None
    """Name of the error."""


def _check(probe: Callable[..., Any], *arguments: Any) -> Check:
    started = time.monotonic()
    try:
        value, error = probe(*arguments), None
    except Exception as failure:  # the state of the dependency
        value, error = None, type(failure).__name__
    return Check(value, time.monotonic() - started, error)


def _error(future: "Future[Any]") -> str | None:
    if not future.done() or future.cancelled():
        return "Timeout"
    error = future.exception()
    return None if error is None else type(error).__name__


def _result(future: "Future[Any]") -> Any:
    return future.result() if _error(future) is None else None


def _step(queue: str, source: Counts | None, dead: Counts | None, ages: Mapping[str, int]) -> StepQueue:
    return StepQueue(
        step=queue.replace("-", ".", 1),
        waiting=source.waiting if source else None,
        in_flight=source.in_flight if source else None,
        dead=dead.total if dead else None,
        oldest_seconds=ages.get(queue),
        oldest_dead_seconds=ages.get(f"{queue}-dlq"),
    )


def _unreachable(dependencies: Sequence[Dependency]) -> list[str]:
    return [f"{each.name}: {each.error}" for each in dependencies if not each.reachable]


def _waiting(steps: Sequence[StepQueue]) -> list[str]:
    dead = [f"{step.step}: {step.dead} dead letters" for step in steps if step.dead]
    late = [f"{s.step}: a message has waited for {s.oldest_seconds} s" for s in steps if (s.oldest_seconds or 0) > LATE]
    return [*dead, *late]


def _shedding(shed: Shed | None) -> list[str]:
    if shed is None:
        return []
    whose = f"API keys up to {shed.up_to} priority are refused"
    return [f"requests: new ones of {whose}, because others have waited for {shed.step} for {shed.seconds} s"]


def _outdated(boto3_version: str) -> list[str]:
    if tuple(map(int, boto3_version.split("."))) >= OLDEST_BOTO3:
        return []
    oldest = ".".join(map(str, OLDEST_BOTO3))
    return [f"boto3 {boto3_version} of the Lambda runtime is older than {oldest}: deploy with a newer Runtime"]
