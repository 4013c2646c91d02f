"""HTTP: requests, created, listed, shown and taken back; and the models they can ask for."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import boto3
from aws_lambda_powertools.event_handler import Response
from botocore.config import Config

from events.model_catalog import ModelCatalog, model_catalog
from kit.http_api import ApiProblem, HttpApi, json_response
from kit.signed_urls import image_links
from services.intake.adapters import RequestTable
from services.intake.creation import POLL_SECONDS, Creation
from services.intake.facades import legacy
from services.intake.facades.adapters import WaitingFunction
from services.intake.figures import Estimates
from services.intake.listing import ListQuery
from services.intake.model_views import ModelList, model_view
from services.intake.parameters import NewRequest
from services.intake.quota import RateLimiter
from services.intake.routes import (
    CANCEL_REQUEST,
    CREATE_REQUEST,
    GENERATE_AS_BEFORE,
    LIST_MODELS,
    LIST_REQUESTS,
    SHOW_MODEL,
    SHOW_REQUEST,
    CreateQuery,
)
from services.intake.service import TooLateError, cancel, find
from services.intake.settings import ApiSettings
from services.intake.signals import SignalCache
from services.intake.tables import FigureTable, RateTable, SignalTable
from services.intake.views import RequestView, is_over, request_list, request_view
from services.intake.waiting import MAX_SECONDS, preferred_wait

MAX_BODY: Final = 128 * 1024
"""Bytes. Two prompts of the longest length, every character escaped, fit in."""
UNKNOWN: Final = ApiProblem(404, "request_not_found", "There is no such request")

settings = ApiSettings.load()
client = boto3.client("dynamodb")
table = RequestTable(client, settings.table_name, timedelta(minutes=settings.nudge_after_minutes))
estimates = Estimates(FigureTable(client, settings.table_name))
signals = SignalCache(SignalTable(client, settings.table_name))
links = image_links(settings.gallery_bucket_name, settings.cdn_domain)
handler = HttpApi(max_body=MAX_BODY)


def models() -> ModelCatalog:
    """Return the catalog, read when it is first needed, with the lifecycles that are known by now."""
    return model_catalog(settings.custom_models).with_ends(signals.current().ends)


creation = Creation(
    table,
    RateLimiter(RateTable(client, settings.table_name)),
    estimates,
    models,
    settings.failover_price_ceiling_usd,
    signals=signals.current,
)


@cache
def waiting() -> WaitingFunction:
    """Return who waits; the client is made for the first who prefers to wait, not at every cold start.

    No second attempt: a function that has no time to wait will not have any in a moment.
    """
    patience = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=MAX_SECONDS + 2)
    return WaitingFunction(boto3.client("lambda", config=patience), settings.waiting_function_name)


def waited_for(request_id: str, seconds: int, received: float) -> RequestView | None:
    """Return a request once it has ended, or None where it has not within ``seconds`` of when it was received."""
    if not seconds or not waiting().ended(request_id, received + seconds):
        return None
    return request_view(*table.both(request_id), links.url)


def with_preference(headers: Mapping[str, str], seconds: int) -> dict[str, str]:
    """Return the headers of an answer that was waited for."""
    kept = {name: value for name, value in headers.items() if name != "Retry-After"}
    return {**kept, "Preference-Applied": f"wait={seconds}"}


@handler.serve(CREATE_REQUEST)
def create() -> Response[str]:
    """Accept a prompt: 202 with where to look, or 4xx naming the field."""
    received = time.time()
    query = handler.query(CreateQuery)
    wanted = handler.body(NewRequest)
    if query.dry_run:
        return json_response(200, creation.dry_run(wanted))
    status, body, headers = creation.create(handler.caller, wanted, handler.header("Idempotency-Key"))
    seconds = preferred_wait(handler.header("Prefer"))
    if view := waited_for(body.id, seconds, received):
        return json_response(200, view, with_preference(headers, seconds))
    return json_response(status, body, headers)


@handler.serve(GENERATE_AS_BEFORE, render=legacy.tell)
def create_as_before() -> Response[str]:
    """Accept a prompt from a client of the API's first version."""
    received = time.time()
    wanted = legacy.new_request(handler.body(legacy.LegacyRequest), models(), datetime.now(UTC).date())
    status, body, headers = creation.create(handler.caller, wanted, handler.header("Idempotency-Key"))
    seconds = preferred_wait(handler.header("Prefer"), unsaid=MAX_SECONDS)
    if view := waited_for(body.id, seconds, received):
        return json_response(200, legacy.finished(view), with_preference(headers, seconds))
    return json_response(status, legacy.accepted(body), headers)


@handler.serve(LIST_REQUESTS)
def show_all() -> Response[str]:
    """Show a page of the caller's requests."""
    query = handler.query(ListQuery)
    page = table.page(handler.caller.owner, limit=query.limit, after=query.after, status=query.status)
    return json_response(200, request_list(page))


@handler.serve(SHOW_REQUEST)
def show(request_id: str) -> Response[str]:
    """Show a request of the caller's: status, timeline and images."""
    try:
        request, state = find(table, request_id, handler.caller.owner)
    except KeyError:
        raise UNKNOWN from None
    headers = {} if is_over(state) else {"Retry-After": POLL_SECONDS}
    return json_response(200, request_view(request, state, links.url), headers)


@handler.serve(CANCEL_REQUEST)
def take_back(request_id: str) -> Response[str]:
    """Cancel a request of the caller's."""
    try:
        request, state = cancel(table, request_id, handler.caller.owner, datetime.now(UTC))
    except KeyError:
        raise UNKNOWN from None
    except TooLateError as error:
        raise ApiProblem(
            409, "too_late_to_cancel", f"The request can not be taken back: it is {error.status}"
        ) from None
    return json_response(200, request_view(request, state, links.url))


@handler.serve(LIST_MODELS)
def show_models() -> Response[str]:
    """Show the whole catalog."""
    today = datetime.now(UTC).date()
    return json_response(200, ModelList(models=[model_view(m, models(), estimates, today) for m in models()]))


@handler.serve(SHOW_MODEL)
def show_model(key: str) -> Response[str]:
    """Show one model."""
    model = models().get(key)
    if model is None:
        raise ApiProblem(404, "model_not_found", "There is no such model")
    return json_response(200, model_view(model, models(), estimates, datetime.now(UTC).date()))
