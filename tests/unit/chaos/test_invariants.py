"""Every invariant is broken by its own violation only."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tools.chaos.evidence import Evidence, StoredRequest, digest
from tools.chaos.invariants import RunRecord, judge
from tools.chaos.plan import Case
from tools.chaos.proxy import kind_of, read_metrics

GENERATED = Case(0, "a heron", 2, "succeeded", sent_twice=True, stalls=False)
BLOCKED = Case(1, "no heron", 1, "rejected", sent_twice=False, stalls=False)
INVARIANTS = {
    "accepted": "one request per idempotency key",
    "ended": "every request reached the expected status",
    "images": "every image is stored exactly once",
    "files": "files and catalog agree, no content twice",
    "paid": "nothing is paid that the ledger did not count",
    "bound": "paid again only within the bound",
    "events": "a repeated event is identical",
    "counted": "analytics counts everything once",
    "api": "the API never answers 500, and 503 has Retry-After",
    "left": "no message is left in a queue",
}


def request(request_id: str, case: Case) -> StoredRequest:
    events = Counter({"ImageRequested": 1, "ImageStored": int(case.expected_status == "succeeded")})
    return StoredRequest(request_id, case.expected_status, case.prompt, events, 2.0)


def invoke(seed: int, outcome: str = "ok", seconds: float = 0.2) -> dict[str, Any]:
    call = {"operation": "invoke", "prompt_sha256": digest(GENERATED.prompt), "seed": seed}
    return {**call, "paid": True, "outcome": outcome, "seconds": seconds}


def intact() -> tuple[RunRecord, Evidence]:
    files = {f"images/a/{number}": f"tag-{number}" for number in range(6)}
    evidence = Evidence(
        requests={"a": request("a", GENERATED), "b": request("b", BLOCKED)},
        entries={"a": list(files)},
        images=Counter({"a": 2}),
        files=files,
        leases={("a", 0): 1, ("a", 1): 1},
        calls=[invoke(1), invoke(2)],
    )
    counted = {"requests": {"accepted": 2, "succeeded": 1, "rejected": 1}, "images": {"stored": 2}}
    run = RunRecord(
        [GENERATED, BLOCKED], {0: {"a"}, 1: {"b"}}, counted=counted, variants={"e": {"x"}}, types={"e": "T"}
    )
    return run, evidence


def broken(run: RunRecord, evidence: Evidence) -> set[str]:
    return {check.name for check in judge(run, evidence) if not check.holds}


def test_all_invariants_hold_if_nothing_is_wrong() -> None:
    assert broken(*intact()) == set()
    assert {check.name for check in judge(*intact())} == set(INVARIANTS.values())


def change_a_status(run: RunRecord, evidence: Evidence) -> None:
    evidence.requests["a"] = StoredRequest("a", "expired", GENERATED.prompt, Counter({"ImageStored": 1}), 2.0)
    run.counted = {"requests": {"accepted": 2, "expired": 1, "rejected": 1}, "images": {"stored": 2}}


def lose_an_image(_: RunRecord, evidence: Evidence) -> None:
    evidence.images["a"] = 1


def pay_again(_: RunRecord, evidence: Evidence) -> None:
    evidence.calls.append(invoke(1))
    evidence.leases["a", 0] = 2


@pytest.mark.parametrize(
    ("violate", "names"),
    [
        (lambda s, e: s.ids[0].add("c"), {"accepted", "images"}),
        (lambda s, e: e.requests.update(c=request("c", GENERATED)), {"accepted", "counted", "paid"}),
        (change_a_status, {"ended"}),
        (lose_an_image, {"images", "files"}),
        (lambda s, e: setattr(s, "cancelled", frozenset("a")), {"ended", "images"}),
        (lambda s, e: e.files.update({"images/a/9": "tag-9"}), {"files"}),
        (lambda s, e: e.files.update({"images/a/5": "tag-4"}), {"files"}),
        (lambda s, e: e.leases.update({("a", 0): 0}), {"paid"}),
        (pay_again, {"bound"}),
        (lambda s, e: e.leases.update({("a", 0): 6}), {"bound"}),
        (lambda s, e: s.variants["e"].add("y"), {"events"}),
        (lambda s, e: s.counted["images"].update(stored=3), {"counted"}),
        (lambda s, e: e.waiting.update(queue=1), {"left"}),
        (lambda s, e: e.hidden.update(queue=1), {"left"}),
    ],
)
def test_a_violation_breaks_its_invariant(violate: Callable[[RunRecord, Evidence], Any], names: set[str]) -> None:
    run, evidence = intact()
    violate(run, evidence)
    assert broken(run, evidence) == {INVARIANTS[name] for name in names}


def test_a_cancelled_request_has_no_image_although_one_was_stored() -> None:
    run, evidence = intact()
    run.cancelled = frozenset("a")
    evidence.requests["a"] = StoredRequest("a", "cancelled", GENERATED.prompt, Counter({"ImageStored": 1}), 2.0)
    run.counted = {"requests": {"accepted": 2, "cancelled": 1, "rejected": 1}, "images": {"stored": 2}}
    for part in (evidence.images, evidence.files, evidence.entries):
        part.clear()
    assert broken(run, evidence) == set()


@pytest.mark.parametrize("how", ["lost", "late", "killed"])
def test_an_image_may_be_paid_again_after_a_lost_answer_or_a_kill(how: str) -> None:
    run, evidence = intact()
    evidence.leases["a", 0] = 2
    evidence.calls.append(invoke(1, "lost_answer" if how == "lost" else "ok", 31 if how == "late" else 0.2))
    run.generation_kills = int(how == "killed")
    assert broken(run, evidence) == set()


def test_messages_of_a_killed_worker_may_still_be_hidden() -> None:
    run, evidence = intact()
    evidence.hidden["queue"], run.kills = 10, 1
    assert broken(run, evidence) == set()


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("error:SlowDown", "SlowDown"),
        ("latency:512ms", "slow"),
        ("reset", "closed before"),
        ("response:abort@0B", "closed after"),
    ],
)
def test_a_fault_has_a_kind_without_details(action: str, kind: str) -> None:
    assert kind_of(action) == kind


def test_the_counters_of_the_proxy_are_read_by_service_and_kind() -> None:
    text = """# TYPE microburst_faults_total counter
microburst_faults_total{service="s3",operation="PutObject",action="latency:1ms"} 2
microburst_faults_total{service="s3",operation="GetObject",action="latency:2ms"} 3
microburst_faults_total{service="sqs",operation="SendMessage",action="reset"} 1
"""
    assert read_metrics(text) == {("s3", "slow"): 5, ("sqs", "closed before"): 1}
