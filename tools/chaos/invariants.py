"""The invariants that must hold whatever fails. Pure functions: evidence in, checks out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tools.chaos.evidence import Evidence, digest
from tools.chaos.plan import CALL_TIMEOUT, Case

CALLS_ALLOWED: Final = 5
"""Generation's bound of calls per image with an unknown outcome. Each replay allows one more."""
PARALLEL: Final = 5
"""Images that one worker generates at the same time, and may lose when it is killed."""
BATCH: Final = 10
"""The most messages that a worker holds."""
FILES: Final = 3
"""Files per image in the gallery: original, display, thumbnail."""


@dataclass(frozen=True)
class Check:
    """One invariant."""

    name: str
    figure: str
    problems: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Whether no problem was found."""
        return not self.problems


@dataclass
class RunRecord:
    """What was sent, received and done during the run."""

    cases: Sequence[Case]
    ids: Mapping[int, set[str]]
    """Case → every id that the API returned for it."""
    cancelled: frozenset[str] = frozenset()
    """Requests whose cancellation was acknowledged."""
    unanswered: Sequence[str] = ()
    invalid_responses: Sequence[str] = ()
    variants: Mapping[str, set[str]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    generation_kills: int = 0
    kills: int = 0
    counted: Mapping[str, Any] = field(default_factory=dict)
    """The total of analytics."""
    operator_failures: Sequence[str] = ()


def judge(run: RunRecord, evidence: Evidence) -> list[Check]:
    """Return every invariant with its problems."""
    return [
        _accepted_once(run, evidence),
        _expected_statuses(run, evidence),
        _images(run, evidence),
        _files(evidence),
        _paid(run, evidence),
        _bound(run, evidence),
        _same_events(run),
        _counted_once(run, evidence),
        _api(run),
        _queues_empty(run, evidence),
    ]


def _accepted_once(run: RunRecord, evidence: Evidence) -> Check:
    problems = [f"case {number} has the ids {sorted(ids)}" for number, ids in run.ids.items() if len(ids) != 1]
    per_prompt = Counter(request.prompt for request in evidence.requests.values())
    for case in run.cases:
        if per_prompt[case.prompt] != 1:
            problems.append(f"case {case.number} is {per_prompt[case.prompt]} requests")
    problems += run.unanswered
    return Check("one request per idempotency key", f"{len(evidence.requests)} of {len(run.cases)}", problems)


def _expected_statuses(run: RunRecord, evidence: Evidence) -> Check:
    problems = []
    for case, request_id in _cases_with_ids(run):
        request = evidence.requests.get(request_id)
        expected = "cancelled" if request_id in run.cancelled else case.expected_status
        if request and request.status != expected:
            problems.append(f"{request_id} (case {case.number}) is {request.status}, not {expected}")
    statuses = Counter(request.status for request in evidence.requests.values())
    return Check("every request reached the expected status", _as_text(statuses), problems)


def _images(run: RunRecord, evidence: Evidence) -> Check:
    problems, wanted = [], 0
    for case, request_id in _cases_with_ids(run):
        expected = case.count if case.expected_status == "succeeded" and request_id not in run.cancelled else 0
        wanted += expected
        if evidence.images[request_id] != expected:
            problems.append(f"{request_id}: {evidence.images[request_id]} images, not {expected}")
    return Check("every image is stored exactly once", f"{evidence.images.total()} of {wanted}", problems)


def _files(evidence: Evidence) -> Check:
    named = Counter(key for keys in evidence.entries.values() for key in keys)
    problems = [f"no catalog entry names {key}" for key in evidence.files.keys() - named.keys()]
    problems += [f"{key} is missing" for key in named.keys() - evidence.files.keys()]
    problems += [f"{key} is named {times} times" for key, times in named.items() if times > 1]
    contents = Counter(evidence.files.values())
    problems += [f"{times} files have the content {tag}" for tag, times in contents.items() if times > 1]
    if len(evidence.files) != FILES * evidence.images.total():
        problems.append(f"{len(evidence.files)} files for {evidence.images.total()} images")
    return Check("files and catalog agree, no content twice", f"{len(evidence.files)} files", problems)


def _paid(run: RunRecord, evidence: Evidence) -> Check:
    """The ledger counted every paid call before it was made."""
    problems = []
    paid = evidence.paid("invoke")
    for request_id, request in evidence.requests.items():
        counted = sum(calls for (owner, _), calls in evidence.leases.items() if owner == request_id)
        if paid[digest(request.prompt)] > counted:
            problems.append(f"{request_id}: {paid[digest(request.prompt)]} calls paid, {counted} counted")
    return Check("nothing is paid that the ledger did not count", f"{paid.total()} paid calls", problems)


def _bound(run: RunRecord, evidence: Evidence) -> Check:
    """An image is paid for again only after a lost or late answer, or a killed worker."""
    problems = []
    for (request_id, index), calls in evidence.leases.items():
        allowed = CALLS_ALLOWED + evidence.requests[request_id].events["MessageReplayed"]
        if calls > allowed:
            problems.append(f"{request_id} image {index}: {calls} calls, {allowed} allowed")
    again = sum(times - 1 for times in evidence.paid_images().values())
    paid_calls = [call for call in evidence.calls if call["operation"] == "invoke" and call["paid"]]
    lost = sum(call["outcome"] == "lost_answer" for call in paid_calls)
    late = sum(call["seconds"] >= CALL_TIMEOUT and call["outcome"] != "lost_answer" for call in paid_calls)
    most = lost + late + PARALLEL * run.generation_kills
    if again > most:
        problems.append(f"{again} images were paid for again, more than lost answers and kills explain")
    killed = f"{PARALLEL} x {run.generation_kills} workers killed"
    text = f"{again} paid again; at most {most} ({lost} answers lost + {late} too late + {killed})"
    return Check("paid again only within the bound", text, problems)


def _same_events(run: RunRecord) -> Check:
    problems = [
        f"{run.types.get(event_id)} {event_id} has {len(variants)} variants"
        for event_id, variants in run.variants.items()
        if len(variants) > 1
    ]
    return Check("a repeated event is identical", f"{len(run.variants)} events", problems)


def _counted_once(run: RunRecord, evidence: Evidence) -> Check:
    if not run.counted:
        return Check("analytics counts everything once", "no answer", ["analytics did not answer"])
    statuses = Counter(request.status for request in evidence.requests.values())
    counted = run.counted["requests"]
    wanted = {"accepted": len(evidence.requests), **statuses}
    problems = [f"{name}: {counted.get(name)} counted, {n} are" for name, n in wanted.items() if counted.get(name) != n]
    stored = sum(case.count for case, id_ in _cases_with_ids(run) if _was_stored(evidence, id_))
    if (counted_images := run.counted["images"].get("stored", 0)) != stored:
        problems.append(f"stored: {counted_images} counted, {stored} were")
    return Check("analytics counts everything once", _as_text(Counter(counted)), problems)


def _was_stored(evidence: Evidence, request_id: str) -> bool:
    """Return whether images of the request were stored, even if they were deleted after its cancellation."""
    return request_id in evidence.requests and evidence.requests[request_id].events["ImageStored"] > 0


def _api(run: RunRecord) -> Check:
    problems = list(dict.fromkeys(run.invalid_responses))
    return Check("the API never answers 500, and 503 has Retry-After", f"{len(problems)} violations", problems)


def _queues_empty(run: RunRecord, evidence: Evidence) -> Check:
    problems = [f"{name}: {count} messages" for name, count in evidence.waiting.items()] + list(run.operator_failures)
    left, hidden = sum(evidence.waiting.values()), sum(evidence.hidden.values())
    if hidden > BATCH * run.kills:
        problems.append(f"{hidden} messages are hidden, more than {run.kills} killed workers can hold")
    text = f"{left} left; {hidden} held by killed workers"
    return Check("no message is left in a queue", text, problems)


def _cases_with_ids(run: RunRecord) -> list[tuple[Case, str]]:
    return [(case, request_id) for case in run.cases for request_id in run.ids.get(case.number, set())]


def _as_text(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common() if count) or "none"
