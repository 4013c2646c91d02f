"""The routes of operations: what guards, describes and answers them."""

from typing import Final

from kit.http_api import Route
from services.operations.audit.schemas import AuditReport
from services.operations.health import Health, Readiness
from services.operations.schemas import (
    ActionList,
    GroupList,
    GroupView,
    LettersQuery,
    LimitQuery,
    NewQuarantine,
    NewReplay,
    OutcomeList,
    QuarantineList,
    QueueList,
)
from services.operations.tracing.trace import Trace

SHOW_HEALTH: Final = Route(
    "GET",
    "/health",
    None,
    "Say that somebody is there: nothing else is asked",
    responses={200: Health},
)
SHOW_READINESS: Final = Route(
    "GET",
    "/health/ready",
    "admin",
    "Show dependencies, backlog and dead letters",
    responses={200: Readiness, 503: Readiness},
)
SHOW_AUDIT: Final = Route(
    "GET",
    "/v1/operations/audit",
    "admin",
    "Show whether anything was lost, paid twice or left lying about, as the last audits found",
    responses={200: AuditReport},
)
SHOW_TRACE: Final = Route(
    "GET",
    "/v1/operations/traces/{request_id}",
    "admin",
    "Show everything that followed from a request: events, steps, attempts, times",
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
    "Show what failed, grouped by fingerprint, with its kind and what helps",
    responses={200: GroupList},
    query=LettersQuery,
)
SHOW_DEAD_LETTERS: Final = Route(
    "GET",
    "/v1/operations/dead-letters/{fingerprint}",
    "admin",
    "Show the letters that failed one way, each with its request's timeline",
    responses={200: GroupView},
    query=LimitQuery,
    problems=(404,),
)
REPLAY: Final = Route(
    "POST",
    "/v1/operations/replays",
    "admin",
    "Send dead letters back to their steps: try with dry_run, then a canary, then the rest",
    responses={200: OutcomeList},
    body=NewReplay,
)
QUARANTINE: Final = Route(
    "POST",
    "/v1/operations/quarantine",
    "admin",
    "Put dead letters aside until an operator releases or discards them",
    responses={200: OutcomeList},
    body=NewQuarantine,
)
LIST_QUARANTINE: Final = Route(
    "GET",
    "/v1/operations/quarantine",
    "admin",
    "List what is in quarantine",
    responses={200: QuarantineList},
)
LIST_ACTIONS: Final = Route(
    "GET",
    "/v1/operations/actions",
    "admin",
    "Show what operators did, newest first",
    responses={200: ActionList},
    query=LimitQuery,
)
