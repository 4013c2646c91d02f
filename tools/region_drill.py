"""`make drill REGIONS=2`: lose a region under traffic, fail over to the other one, and count what was lost.

Two emulators run the deployed template, one active and one passive, with a stand-in for AWS's replication between them
(`local/regions.py`). A front sends callers to the region that is healthy, as the DNS records do. Traffic starts, the
active emulator is killed, an operator fails over, traffic goes on. The drill ends by itself.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from events.pipeline import TERMINAL
from local.regions import Replication
from local.stack import LocalStack
from local.state import DIRECTORY
from tools import region_return
from tools.region_parts import (
    FIRST,
    SECOND,
    DrillError,
    Front,
    Traffic,
    audit,
    console,
    have_ended,
    listed,
    ops,
    paid,
    say,
    show,
    statuses,
    two_regions,
    until,
    without_file,
)

RTO_HOURS: Final = 4
RPO_HOURS: Final = 1


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
    without_file: list[str]
    """Requests that succeeded, and whose image the second region cannot deliver: its file was not replicated."""
    violations: Mapping[str, int]
    """What `audit` found in the second region, by rule."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Calls without a result, by reason."""

    @property
    def paid_again(self) -> int:
        """Images that were paid for more than once."""
        return sum(1 for times in self.payments.values() if times > 1)


def drill(directory: Path, *, requests: int = 40, per_second: float = 3, lag: float = 0.5) -> Result:
    """Run the drill with stacks in ``directory`` and ``requests`` before and after the loss. Raise ``DrillError``."""
    with (
        two_regions(directory, lag) as (first, second, replication),
        Front(first, second) as front,
        Traffic(lambda: front.chosen, first.api_key, per_second, "A lighthouse on a cliff") as traffic,
    ):
        return _lose(first, second, replication, traffic, requests)


def _lose(first: LocalStack, second: LocalStack, replication: Replication, traffic: Traffic, requests: int) -> Result:
    until("the requests before the loss", lambda: len(traffic.accepted(FIRST)) >= requests)
    if replication.error:
        raise DrillError(f"replication ended: {replication.error!r}")
    say(f"{requests} requests accepted; killing {FIRST}")
    lost_at = time.monotonic()
    first.emulator.kill()
    replication.stop()
    behind = lost_at - replication.complete_until
    say(f"{FIRST} is lost; {SECOND} is {behind:.1f} s behind")
    started = time.monotonic()
    answer = json.loads(ops(second, first, "region", "failover", "--yes", "--output", "json"))
    failover = time.monotonic() - started
    say(f"region failover: {answer}")
    until("requests after the loss", lambda: len(traffic.accepted(SECOND)) >= requests)
    traffic.stop()
    accepted = traffic.accepted()
    known = statuses(second, first.api_key, accepted)
    until("the end of all requests", lambda: have_ended(known()))
    ended = time.monotonic()
    found = known()
    lost = [each for each in accepted if each.request_id not in found]
    return Result(
        accepted=Counter(each.region for each in accepted),
        statuses=Counter(found.values()),
        lost=[each.request_id for each in lost],
        unfinished=[request_id for request_id, status in found.items() if status not in TERMINAL],
        published=answer["published"],
        payments=paid(first, second, accepted),
        without_service=traffic.accepted(SECOND)[0].at - lost_at,
        failover=failover,
        all_ended=ended - lost_at,
        lost_seconds=max((lost_at - each.at for each in lost), default=0.0),
        behind_seconds=behind,
        without_file=without_file(second, first.api_key, found),
        violations=audit(second),
        refused=dict(traffic.refused),
    )


def rows(result: Result) -> dict[str, object]:
    """Return the result by figure, as the document shows it."""
    return {
        f"accepted by {FIRST}": result.accepted.get(FIRST, 0),
        f"accepted by {SECOND} after the failover": result.accepted.get(SECOND, 0),
        **{f"ended as {status}": count for status, count in sorted(result.statuses.items())},
        "lost: accepted, not replicated": len(result.lost),
        "not ended": len(result.unfinished),
        "open at the failover, published again": result.published,
        "payments for images": sum(result.payments.values()),
        "images paid for again": result.paid_again,
        "files missing: the image was stored, its file not replicated": len(result.without_file),
        "violations that `audit` found": listed(result.violations),
        "calls without service": listed(result.refused),
        "replication was behind by": f"{result.behind_seconds:.1f} s",
        "time without service": f"{result.without_service:.1f} s",
        "of which the command": f"{result.failover:.1f} s",
        f"RTO, until all had ended (goal {RTO_HOURS} h)": f"{result.all_ended:.1f} s",
        f"RPO, age of the oldest lost request (goal {RPO_HOURS} h)": f"{result.lost_seconds:.1f} s",
    }


def main() -> None:
    """Run the drill and print its result."""
    parser = argparse.ArgumentParser(prog="python -m tools.region_drill", description=__doc__)
    parser.add_argument("--requests", type=int, default=40, help="accepted requests per region")
    parser.add_argument("--per-second", type=float, default=3)
    parser.add_argument("--lag", type=float, default=0.5, help="seconds that replication takes at least")
    parser.add_argument("--alive", action="store_true", help="lose no region: fail over while it writes, and back")
    arguments = parser.parse_args()
    chosen = {"requests": arguments.requests, "per_second": arguments.per_second, "lag": arguments.lag}
    try:
        if arguments.alive:
            _there_and_back(**chosen)
        else:
            _loss(**chosen)
    except DrillError as error:
        sys.exit(str(error))


def _loss(**chosen: Any) -> None:
    result = drill(DIRECTORY / "drill", **chosen)
    show(f"{FIRST} lost under traffic, failover to {SECOND}", rows(result))
    for request_id in result.lost:
        console.print(f"lost: {request_id}")
    if result.unfinished:
        sys.exit(f"{len(result.unfinished)} requests did not end.")


def _there_and_back(**chosen: Any) -> None:
    result = region_return.there_and_back(DIRECTORY / "drill", **chosen)
    show(f"Failover from {FIRST} while it works, and failback, each interrupted once", region_return.rows(result))
    if result.lost or result.unfinished:
        sys.exit(f"{len(result.lost)} requests are lost, {len(result.unfinished)} did not end.")


if __name__ == "__main__":
    main()
