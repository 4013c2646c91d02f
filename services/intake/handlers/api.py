"""HTTP: create, list, read and cancel requests; list models."""

import time
from functools import cache
from typing import Final

import boto3
from aws_lambda_powertools.event_handler import Response
from botocore.config import Config

from events.catalog.image_requested import ImageRequested
from events.model_catalog import ModelCatalog, model_catalog
from events.pipeline import TERMINAL, Status
from kit.clock import SystemClock
from kit.etags import content_tag
from kit.http_api import HttpApi, json_response
from kit.problems import ApiProblem
from kit.sealing import OwnerKeyTable, Sealer
from kit.signed_urls import image_links
from services.intake.creation import POLL_SECONDS, Accepted, RequestCreation
from services.intake.durations import Estimates
from services.intake.facades import legacy, openai_errors, openai_models
from services.intake.facades.schemas import LegacyRequest
from services.intake.gateways import WaitFunction
from services.intake.model_schemas import ModelList, ModelView, SafetyLayer
from services.intake.model_views import model_card_view, model_view
from services.intake.models import RequestState, TooLateToCancelError
from services.intake.quota import RateLimiter
from services.intake.repository.durations import duration_store
from services.intake.repository.rates import rate_store
from services.intake.repository.requests import request_table
from services.intake.repository.signals import SignalTable
from services.intake.repository.statuses import StatusTable
from services.intake.repository.waits import WaitTable
from services.intake.request_views import request_list, request_tag, request_view
from services.intake.routes import (
    CANCEL_REQUEST,
    CREATE_REQUEST,
    DELETE_REQUEST,
    GENERATE_AS_BEFORE,
    LIST_MODELS,
    LIST_REQUESTS,
    OPENAI_LIST_MODELS,
    OPENAI_SHOW_MODEL,
    SHOW_MODEL,
    SHOW_REQUEST,
)
from services.intake.schemas import (
    AcceptedView,
    CreateQuery,
    ListQuery,
    NewRequest,
    RequestView,
)
from services.intake.service import RequestService
from services.intake.settings import ApiSettings
from services.intake.signals import SignalCache
from services.intake.waiting import MAX_SECONDS, preferred_wait

MAX_BODY: Final = 256 * 1024
"""Bytes. Enough for two prompts of maximum length with every character escaped."""
NOT_FOUND: Final = ApiProblem("request_not_found", "No request of yours has this id.")
MODELS_HEADERS: Final = {"Cache-Control": "private, max-age=60", "Vary": "authorization, x-api-key"}
"""Of responses about models. Only the ends of models and estimated durations change between deployments."""

settings = ApiSettings.load()
client, clock = boto3.client("dynamodb"), SystemClock()
table = request_table(client, settings)
statuses = StatusTable(client, settings.table_name)
waits = WaitTable(client, settings.table_name, clock)
estimates = Estimates(duration_store(client, settings), clock)
signals = SignalCache(SignalTable(client, settings.table_name), clock)
sealer = Sealer(OwnerKeyTable(client, settings.owner_keys_table_name))
links = image_links(settings.gallery_bucket_name, settings.cdn_url, settings.image_link_key_id)
requests = RequestService(table, clock)
handler = HttpApi(max_body=MAX_BODY)


def models() -> ModelCatalog:
    """Return the catalog with the ends of life that are known by now. It is read on first use."""
    return model_catalog(settings.custom_models).with_ends(signals.current().ends_of_life)


creation = RequestCreation(
    table,
    RateLimiter(rate_store(client, settings), clock),
    estimates,
    models,
    signals.current,
    settings.failover_price_ceiling_usd,
    sealer,
    clock,
)


@cache
def wait_function() -> WaitFunction:
    """Return the function that waits. The client is created on first use, not at every cold start.

    It does not retry: a function that is busy now will be busy in a moment.
    """
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=MAX_SECONDS + 2)
    return WaitFunction(boto3.client("lambda", config=config), settings.waiting_function_name)


def view(request: ImageRequested, state: RequestState) -> RequestView:
    """Return the response for a request. Its texts are opened here, and nowhere else in this function."""
    return request_view(request, state, sealer.open_texts(state.owner, request.data.parameters), links.url)


def result_within(
    created: Accepted, seconds: int, received: float
) -> tuple[RequestView | AcceptedView, dict[str, str]]:
    """Return a request if it finishes within ``seconds`` after it was received, otherwise its status; and the headers.

    A caller who has as many waiting calls as are allowed gets the present state at once: the preference is not applied.
    """
    accepted, headers = created
    if not seconds:
        return accepted, headers
    with waits.slot(handler.caller.owner) as has_slot:
        status = wait_function().wait(accepted.id, received + seconds) if has_slot else statuses.read(accepted.id)
    if status and (has_slot or status in TERMINAL):
        headers = {**headers, "Preference-Applied": f"wait={seconds}"}
    if status in TERMINAL:
        finished = {name: value for name, value in headers.items() if name != "Retry-After"}
        return view(*table.read(accepted.id)), finished
    return accepted.model_copy(update={"status": Status(status)}) if status else accepted, headers


@handler.serve(CREATE_REQUEST)
def create() -> Response[str]:
    """Create a request, or price it in a dry run."""
    received = time.time()
    query = handler.query(CreateQuery)
    request = handler.body(NewRequest)
    if query.dry_run:
        return json_response(200, creation.dry_run(request))
    created = creation.create(handler.caller, request, handler.header("Idempotency-Key"))
    result, headers = result_within(created, preferred_wait(handler.header("Prefer")), received)
    return json_response(200 if isinstance(result, RequestView) else 202, result, headers)


@handler.serve(GENERATE_AS_BEFORE, render=legacy.render_problem)
def create_as_before() -> Response[str]:
    """Create a request of a client of the first version."""
    received = time.time()
    request = legacy.new_request(handler.body(LegacyRequest), models(), clock.now().date())
    created = creation.create(handler.caller, request, handler.header("Idempotency-Key"))
    seconds = preferred_wait(handler.header("Prefer"), default=MAX_SECONDS)
    result, headers = result_within(created, seconds, received)
    if isinstance(result, RequestView):
        return json_response(200, legacy.finished(result), headers)
    return json_response(202, legacy.accepted(result), headers)


@handler.serve(LIST_REQUESTS)
def show_all() -> Response[str]:
    """List the caller's requests."""
    query = handler.query(ListQuery)
    page = requests.list_page(handler.caller.owner, limit=query.limit, after=query.cursor, status=query.status)
    view = request_list(page)
    return json_response(200, view, handler.next_link(view.next_cursor))


@handler.serve(SHOW_REQUEST)
def show(request_id: str) -> Response[str]:
    """Return a request of the caller."""
    try:
        request, state = requests.find(request_id, handler.caller.owner)
    except KeyError:
        raise NOT_FOUND from None
    headers = {} if state.is_terminal else {"Retry-After": POLL_SECONDS}
    tag = request_tag(state, clock.now())
    return handler.unless_current(tag, lambda: view(request, state), headers)


@handler.serve(CANCEL_REQUEST)
def cancel(request_id: str) -> Response[str]:
    """Cancel a request of the caller."""
    try:
        request, state = requests.cancel(request_id, handler.caller.owner)
    except KeyError:
        raise NOT_FOUND from None
    except TooLateToCancelError as error:
        detail = f"The request can no longer be cancelled: its status is {error.status}."
        raise ApiProblem("too_late_to_cancel", detail, instance=f"/v1/requests/{request_id}") from None
    return json_response(200, view(request, state))


@handler.serve(DELETE_REQUEST)
def delete(request_id: str) -> Response[str]:
    """Have a request of the caller erased by all services."""
    # Here, because a cold start need not pay for what few calls use.
    from kit.publisher import Publisher  # noqa: PLC0415
    from services.intake.deletion import erasure_of_request  # noqa: PLC0415

    try:
        request, _ = requests.find(request_id, handler.caller.owner)
    except KeyError:
        raise NOT_FOUND from None
    # Only the event: if it is not published, the call fails, nothing has changed, and the caller repeats it.
    Publisher(boto3.client("events"), settings.event_bus_name).publish(
        [erasure_of_request(request.metadata.request_id, handler.caller.owner, clock.now())]
    )
    return Response(204)


@handler.serve(LIST_MODELS)
def show_models() -> Response[str]:
    """List the models."""
    catalog, today = models(), clock.now().date()
    views = [model_view(model, catalog, estimates, today) for model in catalog]
    return described(ModelList(models=views, data=openai_models.list_models(catalog, today).data))


@handler.serve(SHOW_MODEL)
def show_model(key: str) -> Response[str]:
    """Return a model with its card."""
    catalog = models()
    model = catalog.get(key)
    if model is None:
        raise ApiProblem("model_not_found", "No model has this key. GET /v1/models lists the models.")
    off: dict[SafetyLayer, bool] = {
        "rekognition": settings.image_check == "off",
        "guardrail": not settings.guardrail_id,
    }
    without = {layer for layer, is_off in off.items() if is_off}
    return described(model_card_view(model, catalog, estimates, clock.now().date(), without))


def described(view: ModelList | ModelView) -> Response[str]:
    """Return a response about models, which callers may cache for a minute."""
    return handler.unless_current(content_tag(view.model_dump_json(exclude_none=True)), lambda: view, MODELS_HEADERS)


@handler.serve(OPENAI_LIST_MODELS, render=openai_errors.render_problem)
def show_models_to_openai() -> Response[str]:
    """List the models that are served, for OpenAI's clients."""
    return json_response(200, openai_models.list_models(models(), clock.now().date()))


@handler.serve(OPENAI_SHOW_MODEL, render=openai_errors.render_problem)
def show_model_to_openai(model: str) -> Response[str]:
    """Return a model, for OpenAI's clients."""
    return json_response(200, openai_models.find_model(model, models(), clock.now().date()))
