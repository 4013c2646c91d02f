"""HTTP: `POST /v1/requests` and `GET /v1/requests/{id}`."""

import re
from datetime import UTC, datetime
from typing import Final

import boto3
from aws_lambda_powertools.event_handler import Response

from events.api import Api, ApiProblem, json_response
from events.links import image_links
from events.models import catalogue
from services.intake.adapters import RequestTable
from services.intake.identifiers import uuid7
from services.intake.logic import accept
from services.intake.operations import CREATE_REQUEST, SHOW_REQUEST
from services.intake.parameters import NewRequest, ParameterError, resolve
from services.intake.settings import ApiSettings
from services.intake.views import accepted, is_over, request_view

MAX_BODY: Final = 128 * 1024
"""Bytes. Two prompts of the longest length, every character escaped, fit in."""
POLL_SECONDS: Final = "1"

settings = ApiSettings.load()
table = RequestTable(boto3.client("dynamodb"), settings.table_name)
links = image_links(settings.gallery_bucket_name, settings.cdn_domain)
handler = Api(max_body=MAX_BODY)


@handler.serve(CREATE_REQUEST)
def create() -> Response[str]:
    """Accept a prompt: 202 with where to look, or 4xx naming the field."""
    wanted = handler.body(NewRequest)
    try:
        drawing = resolve(wanted, catalogue(settings.custom_models), settings.failover_price_ceiling_usd)
    except ParameterError as error:
        raise ApiProblem(422, "validation_failed", "The model cannot do that", errors=error.errors) from error
    body = accepted(accept(table, uuid7(), handler.caller.owner, drawing, datetime.now(UTC)))
    return json_response(202, body, {"Location": body.links.self, "Retry-After": POLL_SECONDS})


@handler.serve(SHOW_REQUEST)
def show(request_id: str) -> Response[str]:
    """Show a request of the caller's: status, timeline and pictures."""
    unknown = ApiProblem(404, "request_not_found", "There is no such request")
    if not re.fullmatch(r"[0-9a-f-]{36}", request_id):
        raise unknown
    try:
        request, state = table.both(request_id)
    except KeyError:
        raise unknown from None
    if state.owner != handler.caller.owner:
        raise unknown
    headers = {"Cache-Control": "no-store"} | ({} if is_over(state) else {"Retry-After": POLL_SECONDS})
    return json_response(200, request_view(request, state, links.url), headers)
