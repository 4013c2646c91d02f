"""The HTTP routes of operations."""

from typing import Final

from kit.http_api import Route
from services.operations.audit.schemas import AuditReport
from services.operations.health import Health, Readiness
from services.operations.schemas import (
    ActionList,
    DeadLetterGroupList,
    DeadLetterGroupView,
    DeadLetterOutcomeList,
    DeadLetterQuery,
    LimitQuery,
    NewQuarantine,
    NewReplay,
    QuarantineList,
    QueueList,
)
from services.operations.tracing.trace import Trace

SHOW_HEALTH: Final = Route(
    "GET",
    "/health",
    None,
    "Check that the API responds",
    responses={200: Health},
)
SHOW_PROBLEM: Final = Route(
    "GET",
    "/problems/{code}",
    None,
    "Read about a problem type: a page for people, the `type` of problem documents",
    responses={200: None},
    media_type="text/html",
    problems=(404,),
)
SHOW_READINESS: Final = Route(
    "GET",
    "/health/ready",
    "admin",
    "Get the state of dependencies, backlogs and dead letters",
    responses={200: Readiness, 503: Readiness},
)
SHOW_AUDIT: Final = Route(
    "GET",
    "/v1/operations/audit",
    "admin",
    "Get the results of the last audits",
    responses={200: AuditReport},
)
SHOW_TRACE: Final = Route(
    "GET",
    "/v1/operations/traces/{request_id}",
    "admin",
    "Get the causal tree of a request: events, steps, attempts and times",
    responses={200: Trace},
    problems=(404,),
)
LIST_QUEUES: Final = Route(
    "GET",
    "/v1/operations/queues",
    "admin",
    "List the dead-letter queues",
    responses={200: QueueList},
)
LIST_DEAD_LETTERS: Final = Route(
    "GET",
    "/v1/operations/dead-letters",
    "admin",
    "List dead letters by fingerprint, with kind and advice",
    responses={200: DeadLetterGroupList},
    query=DeadLetterQuery,
)
SHOW_DEAD_LETTERS: Final = Route(
    "GET",
    "/v1/operations/dead-letters/{fingerprint}",
    "admin",
    "Get the dead letters with a fingerprint, with the timelines of their requests",
    responses={200: DeadLetterGroupView},
    query=LimitQuery,
    problems=(404,),
)
REPLAY: Final = Route(
    "POST",
    "/v1/operations/replays",
    "admin",
    "Replay dead letters: first with dry_run, then a canary, then the rest",
    responses={200: DeadLetterOutcomeList},
    body=NewReplay,
)
QUARANTINE: Final = Route(
    "POST",
    "/v1/operations/quarantine",
    "admin",
    "Move dead letters into quarantine",
    responses={200: DeadLetterOutcomeList},
    body=NewQuarantine,
)
LIST_QUARANTINE: Final = Route(
    "GET",
    "/v1/operations/quarantine",
    "admin",
    "List the messages in quarantine",
    responses={200: QuarantineList},
)
LIST_ACTIONS: Final = Route(
    "GET",
    "/v1/operations/actions",
    "admin",
    "List the actions of operators, newest first",
    responses={200: ActionList},
    query=LimitQuery,
)
