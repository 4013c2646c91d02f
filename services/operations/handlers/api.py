"""HTTP: `GET /health` and `GET /health/ready`."""

from functools import cache

from aws_lambda_powertools.event_handler import Response

from events.api import Api, json_response
from services.operations.health import Health, Monitor
from services.operations.operations import SHOW_HEALTH, SHOW_READINESS
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


@cache
def _monitor() -> Monitor:
    from services.operations.adapters import AwsProbes  # noqa: PLC0415 - whoever asks for /health need not wait for boto3

    return Monitor(AwsProbes.connect(settings), settings.queue_names, settings.version)
