"""The routes of operations: what guards, describes and answers them."""

from typing import Final

from events.api import Operation
from services.operations.audit.views import AuditReport
from services.operations.health import Health, Readiness
from services.operations.tracing.logic import Trace
from services.operations.views import (
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

SHOW_HEALTH: Final = Operation(
    "GET",
    "/health",
    None,
    "Say that somebody is there: nothing else is asked",
    answers={200: Health},
)
SHOW_READINESS: Final = Operation(
    "GET",
    "/health/ready",
    "admin",
    "Show dependencies, backlog and dead letters",
    answers={200: Readiness, 503: Readiness},
)
SHOW_AUDIT: Final = Operation(
    "GET",
    "/v1/operations/audit",
    "admin",
    "Show whether anything was lost, paid twice or left lying about, as the last audits found",
    answers={200: AuditReport},
)
SHOW_TRACE: Final = Operation(
    "GET",
    "/v1/operations/traces/{request_id}",
    "admin",
    "Show everything that followed from a request: events, steps, attempts, times",
    answers={200: Trace},
    problems=(404,),
)
LIST_QUEUES: Final = Operation(
    "GET",
    "/v1/operations/queues",
    "admin",
    "List the dead-letter queues",
    answers={200: QueueList},
)
LIST_DEAD_LETTERS: Final = Operation(
    "GET",
    "/v1/operations/dead-letters",
    "admin",
    "Show what failed, grouped by fingerprint, with its kind and what helps",
    answers={200: GroupList},
    query=LettersQuery,
)
SHOW_DEAD_LETTERS: Final = Operation(
    "GET",
    "/v1/operations/dead-letters/{fingerprint}",
    "admin",
    "Show the letters that failed one way, each with its request's timeline",
    answers={200: GroupView},
    query=LimitQuery,
    problems=(404,),
)
REPLAY: Final = Operation(
    "POST",
    "/v1/operations/replays",
    "admin",
    "Send dead letters back to their steps: try with dry_run, then a canary, then the rest",
    answers={200: OutcomeList},
    body=NewReplay,
)
QUARANTINE: Final = Operation(
    "POST",
    "/v1/operations/quarantine",
    "admin",
    "Put dead letters aside until an operator releases or discards them",
    answers={200: OutcomeList},
    body=NewQuarantine,
)
LIST_QUARANTINE: Final = Operation(
    "GET",
    "/v1/operations/quarantine",
    "admin",
    "List what is in quarantine",
    answers={200: QuarantineList},
)
LIST_ACTIONS: Final = Operation(
    "GET",
    "/v1/operations/actions",
    "admin",
    "Show what operators did, newest first",
    answers={200: ActionList},
    query=LimitQuery,
)
