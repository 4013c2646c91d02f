"""The invariants: what has to hold whatever went wrong. Pure: evidence in, checks out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tools.chaos.evidence import Evidence, digest
from tools.chaos.plan import CALL_TIMEOUT, Case

CALLS_ALLOWED: Final = 5
"""Generation's own bound of calls for one image whose outcome was not known; each replay allows one more."""
PARALLEL: Final = 5
"""Images that one worker of generation draws at once, and so may lose when it is killed."""
BATCH: Final = 10
"""Messages that a worker has in hand at most."""
FILES: Final = 3
"""Of a image in the gallery: original, display, thumbnail."""


@dataclass(frozen=True)
class Check:
    """One invariant."""

    name: str
    figure: str
    problems: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Tell whether nothing speaks against it."""
        return not self.problems


@dataclass
class Storm:
    """What was asked, answered and done while it lasted."""

    cases: Sequence[Case]
    ids: Mapping[int, set[str]]
    """Case → every id that the API gave for it."""
    gave_up: Sequence[str] = ()
    wrong_answers: Sequence[str] = ()
    variants: Mapping[str, set[str]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    draw_kills: int = 0
    kills: int = 0
    counted: Mapping[str, Any] = field(default_factory=dict)
    """The total of analytics."""
    operator_trouble: Sequence[str] = ()


def judge(storm: Storm, evidence: Evidence) -> list[Check]:
    """Return every invariant, held or not."""
    return [
        _accepted_once(storm, evidence),
        _ended(storm, evidence),
        _images(storm, evidence),
        _files(evidence),
        _paid(storm, evidence),
        _bound(storm, evidence),
        _same_events(storm),
        _counted_once(storm, evidence),
        _api(storm),
        _nothing_left(storm, evidence),
    ]


def _accepted_once(storm: Storm, evidence: Evidence) -> Check:
    problems = [f"case {number} has the ids {sorted(ids)}" for number, ids in storm.ids.items() if len(ids) != 1]
    per_prompt = Counter(request.prompt for request in evidence.requests.values())
    for case in storm.cases:
        if per_prompt[case.prompt] != 1:
            problems.append(f"case {case.number} is {per_prompt[case.prompt]} requests")
    problems += storm.gave_up
    return Check("one request for each idempotency key", f"{len(evidence.requests)} of {len(storm.cases)}", problems)


def _ended(storm: Storm, evidence: Evidence) -> Check:
    problems = []
    for case, request_id in _known(storm):
        request = evidence.requests.get(request_id)
        if request and request.status != case.ending:
            problems.append(f"{request_id} (case {case.number}) is {request.status}, not {case.ending}")
    endings = Counter(request.status for request in evidence.requests.values())
    return Check("every request ended right", _listed(endings), problems)


def _images(storm: Storm, evidence: Evidence) -> Check:
    problems, wanted = [], 0
    for case, request_id in _known(storm):
        expected = case.count if case.ending == "succeeded" else 0
        wanted += expected
        if evidence.images[request_id] != expected:
            problems.append(f"{request_id}: {evidence.images[request_id]} images, not {expected}")
    return Check("every image is there exactly once", f"{evidence.images.total()} of {wanted}", problems)


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


def _paid(storm: Storm, evidence: Evidence) -> Check:
    """The guard counted every call that was paid, before it was."""
    problems = []
    paid = evidence.paid("invoke")
    for request_id, request in evidence.requests.items():
        counted = sum(calls for (owner, _), calls in evidence.leases.items() if owner == request_id)
        if paid[digest(request.prompt)] > counted:
            problems.append(f"{request_id}: {paid[digest(request.prompt)]} calls paid, {counted} counted")
    return Check("nothing is paid that the guard did not count", f"{paid.total()} paid calls", problems)


def _bound(storm: Storm, evidence: Evidence) -> Check:
    """A image is paid for again only after an answer that was lost, or a worker that died with it."""
    problems = []
    for (request_id, index), calls in evidence.leases.items():
        allowed = CALLS_ALLOWED + evidence.requests[request_id].events["MessageReplayed"]
        if calls > allowed:
            problems.append(f"{request_id} image {index}: {calls} calls, {allowed} allowed")
    again = sum(times - 1 for times in evidence.paid_images().values())
    drawn = [call for call in evidence.calls if call["operation"] == "invoke" and call["paid"]]
    lost = sum(call["outcome"] == "lost_answer" for call in drawn)
    late = sum(call["seconds"] >= CALL_TIMEOUT and call["outcome"] != "lost_answer" for call in drawn)
    most = lost + late + PARALLEL * storm.draw_kills
    if again > most:
        problems.append(f"{again} calls more than images, and that is more than lost answers and kills explain")
    killed = f"{PARALLEL} x {storm.draw_kills} workers killed"
    text = f"{again} paid again; at most {most} ({lost} answers lost + {late} too late + {killed})"
    return Check("paid again only within the bound", text, problems)


def _same_events(storm: Storm) -> Check:
    problems = [
        f"{storm.types.get(event_id)} {event_id} was said in {len(variants)} ways"
        for event_id, variants in storm.variants.items()
        if len(variants) > 1
    ]
    return Check("an event said again is the same event", f"{len(storm.variants)} events", problems)


def _counted_once(storm: Storm, evidence: Evidence) -> Check:
    if not storm.counted:
        return Check("analytics counted everything once", "not asked", ["analytics did not answer"])
    endings = Counter(request.status for request in evidence.requests.values())
    counted = storm.counted["requests"]
    wanted = {"accepted": len(evidence.requests), **endings}
    problems = [f"{name}: {counted.get(name)} counted, {n} are" for name, n in wanted.items() if counted.get(name) != n]
    if (stored := storm.counted["images"].get("stored", 0)) != evidence.images.total():
        problems.append(f"stored: {stored} counted, {evidence.images.total()} are")
    return Check("analytics counted everything once", _listed(Counter(counted)), problems)


def _api(storm: Storm) -> Check:
    problems = list(dict.fromkeys(storm.wrong_answers))
    return Check("the API never answers 500, and 503 says when to come back", f"{len(problems)} broke it", problems)


def _nothing_left(storm: Storm, evidence: Evidence) -> Check:
    problems = [f"{name}: {count} messages" for name, count in evidence.waiting.items()] + list(storm.operator_trouble)
    left, hidden = sum(evidence.waiting.values()), sum(evidence.hidden.values())
    if hidden > BATCH * storm.kills:
        problems.append(f"{hidden} messages are hidden, and {storm.kills} killed workers can not have had so many")
    text = f"{left} left; {hidden} in the hands of killed workers, which come back to ended requests"
    return Check("no message is left anywhere", text, problems)


def _known(storm: Storm) -> list[tuple[Case, str]]:
    return [(case, request_id) for case in storm.cases for request_id in storm.ids.get(case.number, set())]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common() if count) or "none"
