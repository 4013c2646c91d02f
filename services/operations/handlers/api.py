"""HTTP: whether the installation is well, what the audit found, what followed from a request."""

from functools import cache

from aws_lambda_powertools.event_handler import Response

from events.api import Api, ApiProblem, json_response
from services.operations.health import Health, Monitor
from services.operations.operations import SHOW_AUDIT, SHOW_HEALTH, SHOW_READINESS, SHOW_TRACE
from services.operations.settings import HealthSettings

settings = HealthSettings.load()
handler = Api()


@handler.serve(SHOW_HEALTH)
def show_health() -> Response[str]:
    """Say that somebody is there."""
    return json_response(200, Health(version=settings.version))


@handler.serve(SHOW_READINESS)
def show_readiness() -> Response[str]:
    """Show how the installation is: 503 where a dependency does not answer."""
    found = _monitor().readiness()
    return json_response(503 if found.status == "unavailable" else 200, found)


@handler.serve(SHOW_AUDIT)
def show_audit() -> Response[str]:
    """Show what the last audits found."""
    import boto3  # noqa: PLC0415 - as above

    from services.operations.audit.reports import ReportTable  # noqa: PLC0415
    from services.operations.audit.views import audit_report  # noqa: PLC0415

    kept = ReportTable(boto3.client("dynamodb"), settings.operations_table).all()
    return json_response(200, audit_report(kept))


@handler.serve(SHOW_TRACE)
def show_trace(request_id: str) -> Response[str]:
    """Show a request's causal tree."""
    import boto3  # noqa: PLC0415 - as above

    from services.operations.audit.adapters import RequestReader  # noqa: PLC0415
    from services.operations.tracing.adapters import CloudWatchLogs  # noqa: PLC0415
    from services.operations.tracing.logic import trace  # noqa: PLC0415

    requests = RequestReader(boto3.client("dynamodb"), settings.requests_table)
    try:
        found = trace(requests, CloudWatchLogs(boto3.client("logs"), settings.prefix), request_id)
    except KeyError as error:
        raise ApiProblem(404, "not_found", "There is no such request") from error
    return json_response(200, found)


@cache
def _monitor() -> Monitor:
    from services.operations.adapters import AwsProbes  # noqa: PLC0415 - whoever asks for /health need not wait for boto3

    return Monitor(AwsProbes.connect(settings), settings.queue_names, settings.version)
