"""HTTP: erase an owner, and show the receipt; export what an owner has."""

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
from services.privacy.exports import READY_MAX, ErasingError, Exports, TooManyExportsError
from services.privacy.gateways import ExportLinks, presigning_client
from services.privacy.repository.erasures import ErasureTable
from services.privacy.repository.exports import ExportTable
from services.privacy.schemas import ErasureView, ExportList, ExportSummary, ExportView, StartedErasure
from services.privacy.service import Erasures, UnknownErasureError
from services.privacy.settings import ApiSettings

_settings = ApiSettings.load()
_dynamodb = boto3.client("dynamodb")
_trail = TrailTable(_dynamodb, _settings.audit_trail_table, timedelta(days=_settings.trail_retention_days))
_bus, _clock = Publisher(boto3.client("events"), _settings.event_bus_name), SystemClock()
_erasures = Erasures(
    ErasureTable(_dynamodb, _settings.table_name, timedelta(days=_settings.receipt_retention_days)), _bus, _clock
)
_exports = Exports(ExportTable(_dynamodb, _settings.table_name), _bus, _clock)
_links = ExportLinks(presigning_client(), _settings.exports_bucket_name)
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


@handler.serve(routes.EXPORT_ME)
def export_me() -> Response[str]:
    """Start an export of everything of the caller's owner, or return the one that runs."""
    _require_reading()
    caller = handler.caller
    operator = Operator.with_key(caller.owner, caller.key_id, handler.address)
    with recorded(_trail, Action.begin(operator, "export owner", about={"owner": caller.owner}, count=1)) as outcomes:
        try:
            export = _exports.start(caller.owner)
        except ErasingError:
            outcomes["refused"] += 1
            detail = "Everything of this owner is being erased, or was, so nothing can be exported any more."
            raise ApiProblem("erasure_running", detail) from None
        except TooManyExportsError as error:
            outcomes["refused"] += 1
            until = f"{error.until:%Y-%m-%d %H:%M} UTC"
            detail = f"You have {READY_MAX} exports. Download one of them, or wait until the first expires at {until}."
            raise ApiProblem("too_many_exports", detail) from None
        outcomes["started"] += 1
    logger.info("export requested", export_id=export.export_id, key_id=caller.key_id)
    view = ExportSummary.of(export)
    return json_response(202, view, {"Location": view.links.self})


@handler.serve(routes.LIST_EXPORTS)
def list_exports() -> Response[str]:
    """Return the exports of the caller's owner."""
    _require_reading()
    return json_response(200, ExportList.of(_exports.list(handler.caller.owner)))


@handler.serve(routes.SHOW_EXPORT)
def show_export(export_id: str) -> Response[str]:
    """Return an export of the caller's owner, with links to its files."""
    _require_reading()
    try:
        export, progress, files = _exports.show(handler.caller.owner, export_id)
    except KeyError:
        detail = "No export of yours has this id. It may have expired."
        raise ApiProblem("export_not_found", detail) from None
    return json_response(200, ExportView.with_files(export, progress, files, _links.url))


def _require_reading() -> None:
    """Refuse a key that may not read requests: an export has their prompts."""
    if "requests:read" not in handler.caller.scopes:
        raise ApiProblem("insufficient_scope", "The API key lacks the scope requests:read.")
