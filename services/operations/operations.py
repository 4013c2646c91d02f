"""The routes of operations: what guards, describes and answers them."""

from typing import Final

from events.api import Operation
from services.operations.health import Health, Readiness

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
