"""HTTP: health, audits, traces and dead letters."""

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.event_handler import Response

from kit.http_api import HttpApi, json_response
from kit.problems import PROBLEMS, ApiProblem
from services.operations.health import Health, Monitor
from services.operations.routes import (
    LIST_ACTIONS,
    LIST_DEAD_LETTERS,
    LIST_QUARANTINE,
    LIST_QUEUES,
    QUARANTINE,
    REPLAY,
    SHOW_AUDIT,
    SHOW_DEAD_LETTERS,
    SHOW_HEALTH,
    SHOW_PROBLEM,
    SHOW_READINESS,
    SHOW_TRACE,
)
from services.operations.schemas import DeadLetterQuery, LimitQuery, NewQuarantine, NewReplay
from services.operations.settings import ApiSettings

if TYPE_CHECKING:
    from services.operations.health import ReadinessStore
    from services.operations.service import DeadLetterService

FINGERPRINT: Final = re.compile("[0-9a-f]{4,12}")

settings = ApiSettings.load()
handler = HttpApi()


@handler.serve(SHOW_HEALTH)
def show_health() -> Response[str]:
    """Return the version."""
    return json_response(200, Health(version=settings.version))


@handler.serve(SHOW_READINESS)
def show_readiness() -> Response[str]:
    """Return the state of the installation, with 503 if a dependency is unreachable."""
    found = _monitor().readiness()
    return json_response(503 if found.status == "unavailable" else 200, found)


@handler.serve(SHOW_PROBLEM)
def show_problem(code: str) -> Response[str]:
    """Return the page about a problem type."""
    if code not in PROBLEMS:
        raise ApiProblem("not_found", "No problem type has this code.")
    from services.operations.problem_pages import HEADERS, page  # noqa: PLC0415 - not for /health

    return Response(200, "text/html; charset=utf-8", page(code), headers=dict(HEADERS))


@handler.serve(SHOW_AUDIT)
def show_audit() -> Response[str]:
    """Return the results of the last audits."""
    import boto3  # noqa: PLC0415 - not for /health

    from services.operations.audit.reports import ReportTable  # noqa: PLC0415
    from services.operations.audit.schemas import audit_report  # noqa: PLC0415

    kept = ReportTable(boto3.client("dynamodb"), settings.operations_table).all()
    return json_response(200, audit_report(kept))


@handler.serve(SHOW_TRACE)
def show_trace(request_id: str) -> Response[str]:
    """Return the causal tree of a request."""
    import boto3  # noqa: PLC0415 - not for /health

    from services.operations.repository import RequestReader  # noqa: PLC0415
    from services.operations.tracing.gateways import CloudWatchLogs  # noqa: PLC0415
    from services.operations.tracing.trace import trace_request  # noqa: PLC0415

    requests = RequestReader(boto3.client("dynamodb"), settings.requests_table)
    try:
        found = trace_request(requests, CloudWatchLogs(boto3.client("logs"), settings.prefix), request_id)
    except KeyError as error:
        raise ApiProblem("not_found", "No request has this id.") from error
    return json_response(200, found)


@handler.serve(LIST_QUEUES)
def list_queues() -> Response[str]:
    """List the dead-letter queues."""
    return json_response(200, _service().queues())


@handler.serve(LIST_DEAD_LETTERS)
def list_dead_letters() -> Response[str]:
    """Return dead letters by fingerprint."""
    return json_response(200, _service().groups(handler.query(DeadLetterQuery)))


@handler.serve(SHOW_DEAD_LETTERS)
def show_dead_letters(fingerprint: str) -> Response[str]:
    """Return the dead letters with a fingerprint."""
    query = handler.query(LimitQuery)
    if not FINGERPRINT.fullmatch(fingerprint):
        raise ApiProblem("dead_letters_not_found", "No dead letter has this fingerprint.")
    return json_response(200, _service().group(fingerprint, query.limit))


@handler.serve(REPLAY)
def replay() -> Response[str]:
    """Replay dead letters."""
    return json_response(200, _service().replay(handler.body(NewReplay)))


@handler.serve(QUARANTINE)
def quarantine() -> Response[str]:
    """Move dead letters into quarantine."""
    return json_response(200, _service().quarantine(handler.body(NewQuarantine)))


@handler.serve(LIST_QUARANTINE)
def list_quarantine() -> Response[str]:
    """Return the messages in quarantine."""
    return json_response(200, _service().quarantined())


@handler.serve(LIST_ACTIONS)
def list_actions() -> Response[str]:
    """Return the audit trail."""
    return json_response(200, _service().actions(handler.query(LimitQuery).limit))


def _service() -> "DeadLetterService":
    """Return the use cases for the caller: the key's owner is the operator, the key the identity."""
    from kit.trail import Operator  # noqa: PLC0415
    from services.operations.service import DeadLetterService  # noqa: PLC0415 - not for /health

    caller = handler.caller
    return DeadLetterService(
        replace(_session(), operator=Operator.with_key(caller.owner, caller.key_id, handler.address))
    )


@cache
def _session() -> Any:
    from services.operations.dead_letters.connect import connect  # noqa: PLC0415 - not for /health

    return connect(settings)


@cache
def _monitor() -> Monitor:
    import boto3  # noqa: PLC0415 - /health starts without boto3

    from services.operations.gateways import AwsProbes  # noqa: PLC0415

    return Monitor(
        AwsProbes.connect(settings), settings.queue_names, settings.version, boto3.__version__, shared=_shared()
    )


def _shared() -> "ReadinessStore | None":
    """Return the readiness in the cache, if there is one."""
    if not settings.cache_address:
        return None
    from kit.cache import connected  # noqa: PLC0415 - only if there is a cache
    from services.operations.readiness_cache import SharedReadiness  # noqa: PLC0415

    return SharedReadiness(connected(settings.cache_address, settings.cache_name), settings.version)
