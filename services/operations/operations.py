"""The routes of operations: what guards, describes and answers them."""

from typing import Final

from events.api import Operation
from services.operations.audit.views import AuditReport
from services.operations.health import Health, Readiness
from services.operations.tracing.logic import Trace

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
