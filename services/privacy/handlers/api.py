"""HTTP: erase an owner, and show the receipt."""

from datetime import timedelta

import boto3
from aws_lambda_powertools.event_handler import Response

from kit.clock import SystemClock
from kit.http_api import HttpApi, json_response
from kit.problems import ApiProblem
from kit.publisher import Publisher
from kit.telemetry import logger
from kit.trail import Action, Operator, recorded
from kit.trail_table import TrailTable
from services.privacy import routes
from services.privacy.repository import ErasureTable
from services.privacy.schemas import ErasureView, StartedErasure
from services.privacy.service import Erasures, UnknownErasureError
from services.privacy.settings import ApiSettings

_settings = ApiSettings.load()
_dynamodb = boto3.client("dynamodb")
_trail = TrailTable(_dynamodb, _settings.audit_trail_table, timedelta(days=_settings.trail_retention_days))
_erasures = Erasures(
    ErasureTable(_dynamodb, _settings.table_name, timedelta(days=_settings.receipt_retention_days)),
    Publisher(boto3.client("events"), _settings.event_bus_name),
    SystemClock(),
)
handler = HttpApi()


@handler.serve(routes.ERASE_ME)
def erase_me() -> Response[str]:
    """Start the erasure of the caller's owner, or return the one that runs."""
    if "requests:write" not in handler.caller.scopes:  # a key that may only manage images must not end everything
        raise ApiProblem("insufficient_scope", "The API key lacks the scope requests:write.")
    caller = handler.caller
    operator = Operator.with_key(caller.owner, caller.key_id, handler.address)
    with recorded(_trail, Action.begin(operator, "erase owner", about={"owner": caller.owner}, count=1)) as outcomes:
        erasure, token = _erasures.start(caller.owner)
        outcomes["started"] += 1
    logger.info("erasure requested", erasure_id=erasure.erasure_id, key_id=caller.key_id)
    view = StartedErasure.of(erasure, token)
    return json_response(202, view, {"Location": view.links.self})


@handler.serve(routes.SHOW_ERASURE)
def show_erasure(erasure_id: str) -> Response[str]:
    """Return an erasure to whoever has the token of its receipt."""
    try:
        erasure = _erasures.show(erasure_id, handler.header("x-receipt-token") or "")
    except UnknownErasureError:
        detail = "No erasure has this id and this token. Send the receipt_token in the header x-receipt-token."
        raise ApiProblem("erasure_not_found", detail) from None
    return json_response(200, ErasureView.of(erasure))
