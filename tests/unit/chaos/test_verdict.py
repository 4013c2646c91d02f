"""Each invariant is broken by exactly what breaks it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tools.chaos.evidence import Evidence, StoredRequest, digest
from tools.chaos.plan import Case
from tools.chaos.proxy import kind_of, read_metrics
from tools.chaos.verdict import Storm, judge

DRAWN = Case(0, "a heron", 2, "succeeded", raced=True, stalls=False)
BLOCKED = Case(1, "no heron", 1, "rejected", raced=False, stalls=False)
HELD = {
    "accepted": "one request for each idempotency key",
    "ended": "every request ended right",
    "images": "every image is there exactly once",
    "files": "files and catalog agree, no content twice",
    "paid": "nothing is paid that the guard did not count",
    "bound": "paid again only within the bound",
    "events": "an event said again is the same event",
    "counted": "analytics counted everything once",
    "api": "the API never answers 500, and 503 says when to come back",
    "left": "no message is left anywhere",
}


def request(request_id: str, case: Case) -> StoredRequest:
    return StoredRequest(request_id, case.ending, case.prompt, Counter({"ImageRequested": 1}), 2.0)


def invoke(seed: int, outcome: str = "ok", seconds: float = 0.2) -> dict[str, Any]:
    call = {"operation": "invoke", "prompt_sha256": digest(DRAWN.prompt), "seed": seed}
    return {**call, "paid": True, "outcome": outcome, "seconds": seconds}


def calm() -> tuple[Storm, Evidence]:
    files = {f"images/a/{number}": f"tag-{number}" for number in range(6)}
    evidence = Evidence(
        requests={"a": request("a", DRAWN), "b": request("b", BLOCKED)},
        entries={"a": list(files)},
        images=Counter({"a": 2}),
        files=files,
        leases={("a", 0): 1, ("a", 1): 1},
        calls=[invoke(1), invoke(2)],
    )
    counted = {"requests": {"accepted": 2, "succeeded": 1, "rejected": 1}, "images": {"stored": 2}}
    storm = Storm([DRAWN, BLOCKED], {0: {"a"}, 1: {"b"}}, counted=counted, variants={"e": {"x"}}, types={"e": "T"})
    return storm, evidence


def broken(storm: Storm, evidence: Evidence) -> set[str]:
    return {check.name for check in judge(storm, evidence) if not check.holds}


def test_all_holds_where_nothing_is_wrong() -> None:
    assert broken(*calm()) == set()
    assert {check.name for check in judge(*calm())} == set(HELD.values())


def spoil_status(storm: Storm, evidence: Evidence) -> None:
    evidence.requests["a"] = StoredRequest("a", "expired", DRAWN.prompt, Counter(), 2.0)
    storm.counted = {"requests": {"accepted": 2, "expired": 1, "rejected": 1}, "images": {"stored": 2}}


def lose_a_image(_: Storm, evidence: Evidence) -> None:
    evidence.images["a"] = 1


def pay_again(_: Storm, evidence: Evidence) -> None:
    evidence.calls.append(invoke(1))
    evidence.leases["a", 0] = 2


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (lambda s, e: s.ids[0].add("c"), {"accepted", "images"}),
        (lambda s, e: e.requests.update(c=request("c", DRAWN)), {"accepted", "counted", "paid"}),
        (spoil_status, {"ended"}),
        (lose_a_image, {"images", "files", "counted"}),
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
def test_what_goes_wrong_breaks_its_invariant(spoil: Callable[[Storm, Evidence], Any], names: set[str]) -> None:
    storm, evidence = calm()
    spoil(storm, evidence)
    assert broken(storm, evidence) == {HELD[name] for name in names}


@pytest.mark.parametrize("how", ["lost", "late", "killed"])
def test_a_image_may_be_paid_for_again_when_its_answer_was_lost_or_late_or_its_worker_killed(how: str) -> None:
    storm, evidence = calm()
    evidence.leases["a", 0] = 2
    evidence.calls.append(invoke(1, "lost_answer" if how == "lost" else "ok", 31 if how == "late" else 0.2))
    storm.draw_kills = int(how == "killed")
    assert broken(storm, evidence) == set()


def test_what_a_killed_worker_had_in_hand_may_still_be_hidden() -> None:
    storm, evidence = calm()
    evidence.hidden["queue"], storm.kills = 10, 1
    assert broken(storm, evidence) == set()


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("error:SlowDown", "SlowDown"),
        ("latency:512ms", "slow"),
        ("reset", "hung up before"),
        ("response:abort@0B", "hung up after"),
    ],
)
def test_what_the_proxy_did_has_a_name_without_figures(action: str, kind: str) -> None:
    assert kind_of(action) == kind


def test_the_proxys_counters_are_read_by_service_and_kind() -> None:
    text = """# TYPE microburst_faults_total counter
microburst_faults_total{service="s3",operation="PutObject",action="latency:1ms"} 2
microburst_faults_total{service="s3",operation="GetObject",action="latency:2ms"} 3
microburst_faults_total{service="sqs",operation="SendMessage",action="reset"} 1
"""
    assert read_metrics(text) == {("s3", "slow"): 5, ("sqs", "hung up before"): 1}
