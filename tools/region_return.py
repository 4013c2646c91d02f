"""Fail over while the other region works and is written to, and back. `python -m tools.region_drill --alive` runs it.

Replication goes in both directions. Each of the two commands is killed half-way once and repeated. A client that
does not follow DNS calls the first region during the failover, until that region refuses its requests.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli import regions
from events.pipeline import TERMINAL
from local.stack import LocalStack
from services.intake.repository.operator_signals import OperatorSignals
from tools.region_parts import (
    FIRST,
    SECOND,
    Front,
    Traffic,
    audit,
    have_ended,
    interrupt,
    listed,
    messages,
    ops,
    paid,
    say,
    start_ops,
    statuses,
    two_regions,
    until,
    without_file,
)

CLOSED: Final = f"503 from {FIRST}"


@dataclass
class Result:
    """What the drill measured. All times are seconds."""

    accepted: Mapping[str, int]
    """Per region and phase."""
    statuses: Mapping[str, int]
    """The last status of every request that the first region knows at the end."""
    lost: list[str]
    """Requests that were accepted and are not in the first region at the end."""
    unfinished: list[str]
    published: Mapping[str, int]
    """Requests that were open and published again, per command. Only they may be paid for again."""
    paid_again: Mapping[str, int]
    """Images that were paid for more than once, per region and phase of their requests."""
    unpaid: list[str]
    """Requests that succeeded, and whose image neither region paid for."""
    without_file: Mapping[str, int]
    """Succeeded requests whose image a region cannot deliver, per region."""
    violations: Mapping[str, Mapping[str, int]]
    """What `audit` found at the end, per region and rule."""
    dead_letters: Mapping[str, Mapping[str, int]]
    """Per region and queue. The events of finished requests are published again, and must not end here."""
    refused: Mapping[str, int]
    """Calls without a result, by reason."""
    failover: float
    """Duration of the repeated command."""
    failback: float


def there_and_back(directory: Path, *, requests: int = 40, per_second: float = 3, lag: float = 0.5) -> Result:
    """Run the drill with stacks in ``directory`` and ``requests`` per phase. Raise ``DrillError``."""
    with two_regions(directory, lag) as (first, second, replication), Front(first, second) as front:
        key = first.api_key

        def wait(what: str, probe: Callable[[], bool]) -> None:
            def probe_while_replicated() -> bool:
                replication.check()
                return probe()

            until(what, probe_while_replicated)

        with (
            Traffic(lambda: front.chosen, key, per_second, "A lighthouse on a cliff") as traffic,
            Traffic(lambda: first, key, per_second / 2, "A windmill in a field") as straggler,
        ):
            wait("requests before the failover", lambda: len(traffic.accepted(FIRST)) >= requests)
            there, failover = _fail_over(first, second)
            wait("requests of the second region", lambda: len(traffic.accepted(SECOND)) >= requests)
            wait(f"{FIRST} refuses requests", lambda: straggler.refused[CLOSED] > 0)
            straggler.stop()
            before = len(traffic.accepted(FIRST))
            back, failback = _fail_back(first, second)
            wait("requests after the failback", lambda: len(traffic.accepted(FIRST)) >= before + requests)
            traffic.stop()
        phases = {
            f"{FIRST} before and during the failover": [*traffic.accepted(FIRST)[:before], *straggler.accepted()],
            f"{SECOND} after the failover": traffic.accepted(SECOND),
            f"{FIRST} after the failback": traffic.accepted(FIRST)[before:],
        }
        accepted = [each for phase in phases.values() for each in phase]
        known = statuses(first, key, accepted)
        wait("the end of all requests", lambda: have_ended(known()))
        ended = time.monotonic()
        wait("the end of what was published again", lambda: not messages(first, dead=False))
        wait("replication", lambda: replication.complete_until > ended)
        violations = {stack.region: audit(stack) for stack in (first, second)}
        found, payments = known(), paid(first, second, accepted)
        return Result(
            accepted={phase: len(each) for phase, each in phases.items()},
            statuses=Counter(found.values()),
            lost=[each.request_id for each in accepted if each.request_id not in found],
            unfinished=[request_id for request_id, status in found.items() if status not in TERMINAL],
            published={"failover": there, "failback": back},
            paid_again={
                phase: sum(payments[each.request_id] > 1 for each in members) for phase, members in phases.items()
            },
            unpaid=[request_id for request_id in found if not payments[request_id]],
            without_file={stack.region: len(without_file(stack, key, found)) for stack in (first, second)},
            violations=violations,
            dead_letters={stack.region: messages(stack, dead=True) for stack in (first, second)},
            refused=traffic.refused + straggler.refused,
            failover=failover,
            failback=failback,
        )


def _fail_over(first: LocalStack, second: LocalStack) -> tuple[int, float]:
    """Kill the command when the second region is told that it is active, but is passive yet; repeat it."""
    arguments = ("region", "failover", "--yes", "--output", "json")
    signals = OperatorSignals(second.client("dynamodb"), f"{second.prefix}-requests")
    interrupt(start_ops(second, first, *arguments), "half of the failover", lambda: signals.active_region() == SECOND)
    say(f"region failover: killed, {FIRST} is {_role(first)}, {SECOND} is {_role(second)}; repeating it")
    return _repeat(second, first, *arguments)


def _fail_back(first: LocalStack, second: LocalStack) -> tuple[int, float]:
    """Kill the command when both regions are passive; repeat it."""
    arguments = ("region", "failback", "--yes", "--output", "json")
    interrupt(start_ops(first, second, *arguments), "half of the failback", lambda: _role(second) == "passive")
    say(f"region failback: killed, {FIRST} is {_role(first)}, {SECOND} is {_role(second)}; repeating it")
    return _repeat(first, second, *arguments)


def _repeat(stack: LocalStack, other: LocalStack, *arguments: str) -> tuple[int, float]:
    """Run a command; return the number of requests that it published and its duration."""
    started = time.monotonic()
    answer = json.loads(ops(stack, other, *arguments))
    say(f"{' '.join(arguments[:2])}: {answer}")
    return answer["published"], time.monotonic() - started


def _role(stack: LocalStack) -> str:
    return regions.stack_parameters(stack.client("cloudformation"), stack.prefix)["RegionRole"]


def rows(result: Result) -> dict[str, object]:
    """Return the result by figure, as the document shows it."""
    return {
        **{f"accepted by {phase}": count for phase, count in result.accepted.items()},
        **{f"ended as {status}": count for status, count in sorted(result.statuses.items())},
        "lost": len(result.lost),
        "not ended": len(result.unfinished),
        **{f"open at the {command}, published again": count for command, count in result.published.items()},
        **{f"images paid for again, {phase}": count for phase, count in result.paid_again.items()},
        **{f"files missing in {region}": count for region, count in result.without_file.items()},
        **{f"violations in {region}": listed(found) for region, found in result.violations.items()},
        **{f"dead letters in {region}": listed(found) for region, found in result.dead_letters.items()},
        "calls without service": listed(result.refused),
        "failover, repeated": f"{result.failover:.1f} s",
        "failback, repeated": f"{result.failback:.1f} s",
    }
