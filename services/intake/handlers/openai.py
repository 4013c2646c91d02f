"""HTTP: OpenAI's Images API. Its clients expect the images in the response, so this function waits for them.

It is a function of its own, so that its concurrency can be limited. Each owner has a limited number of waiting calls.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Final

import boto3
from aws_lambda_powertools.event_handler import Response

from events.model_catalog import ModelCatalog, model_catalog
from events.pipeline import TERMINAL
from kit.clock import SystemClock
from kit.http_api import HttpApi, json_response
from kit.sealing import OwnerKeyTable, Sealer
from kit.signed_urls import image_links
from services.intake.creation import RequestCreation
from services.intake.durations import Estimates
from services.intake.facades import openai_errors
from services.intake.facades.openai_images.calls import image_response, new_requests, returns_content
from services.intake.facades.openai_images.routes import GENERATE_IMAGES, OPENAI_GENERATE_IMAGES
from services.intake.facades.openai_images.schemas import ImageGeneration
from services.intake.quota import RateLimiter
from services.intake.repository.durations import duration_store
from services.intake.repository.gallery import GalleryImages
from services.intake.repository.rates import rate_store
from services.intake.repository.requests import request_table
from services.intake.repository.signals import SignalTable
from services.intake.repository.statuses import StatusTable
from services.intake.repository.waits import WaitTable
from services.intake.request_views import request_view
from services.intake.schemas import RequestView
from services.intake.settings import CreationSettings
from services.intake.signals import SignalCache
from services.intake.waiting import MAX_SECONDS, wait_for_result

MAX_BODY: Final = 256 * 1024
"""Bytes. Enough for a prompt of maximum length with every character escaped."""

settings = CreationSettings.load()
client, clock = boto3.client("dynamodb"), SystemClock()
table = request_table(client, settings)
statuses = StatusTable(client, settings.table_name)
waits = WaitTable(client, settings.table_name, clock)
signals = SignalCache(SignalTable(client, settings.table_name), clock)
sealer = Sealer(OwnerKeyTable(client, settings.owner_keys_table_name))
links = image_links(settings.gallery_bucket_name, settings.cdn_url, settings.image_link_key_id)
handler = HttpApi(max_body=MAX_BODY)


def models() -> ModelCatalog:
    """Return the catalog with the ends of life that are known by now. It is read on first use."""
    return model_catalog(settings.custom_models).with_ends(signals.current().ends_of_life)


creation = RequestCreation(
    table,
    RateLimiter(rate_store(client, settings), clock),
    Estimates(duration_store(client, settings), clock),
    models,
    signals.current,
    settings.failover_price_ceiling_usd,
    sealer,
    clock,
)


@cache
def gallery() -> GalleryImages:
    """Return the files. The client is created on first use, not at every cold start."""
    return GalleryImages(boto3.client("s3"), settings.gallery_bucket_name)


def all_finished(request_ids: Sequence[str], deadline: float) -> bool:
    """Wait until all requests are finished, but not longer than until ``deadline``. Return whether they are."""
    for request_id in request_ids:
        left = deadline - time.monotonic()
        if wait_for_result(partial(statuses.read, request_id), left, clock) not in TERMINAL:
            return False
    return True


def view(request_id: str, url: Callable[[str], str]) -> RequestView:
    """Return a finished request; ``url`` returns the URL of a file's key."""
    request, state = table.read(request_id)
    return request_view(request, state, sealer.open_texts(state.owner, request.data.parameters), url)


@handler.serve(GENERATE_IMAGES, render=openai_errors.render_problem)
@handler.serve(OPENAI_GENERATE_IMAGES, render=openai_errors.render_problem)
def generate() -> Response[str]:
    """Create the requests of a call, wait for them, and return their images as URLs or as content."""
    received = time.monotonic()
    body = handler.body(ImageGeneration)
    requests = new_requests(body, models(), clock.now().date())
    with waits.slot(handler.caller.owner) as has_slot:
        if not has_slot:  # before anything is accepted, so that the client may retry
            raise openai_errors.too_many_waits()
        accepted, limits = creation.create_all(handler.caller, requests, handler.header("Idempotency-Key"))
        ids = [request.id for request in accepted]
        finished = all_finished(ids, received + MAX_SECONDS)
    if not finished:
        raise openai_errors.unfinished(ids)
    with_content = returns_content(body)
    views = [view(request_id, str if with_content else links.url) for request_id in ids]
    images = image_response(body, views, gallery().read if with_content else None)
    return json_response(200, images, {**limits, "x-request-id": ", ".join(ids)})
