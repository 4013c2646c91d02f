"""HTTP: OpenAI's Images API. Its clients expect the image in the answer, so it waits, and only so many at once."""

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import boto3
from aws_lambda_powertools.event_handler import Response

from events.model_catalog import ModelCatalog, model_catalog
from kit.http_api import HttpApi, json_response
from kit.signed_urls import image_links
from services.intake.adapters import RequestTable
from services.intake.creation import Creation
from services.intake.facades import openai
from services.intake.facades.adapters import GalleryImages
from services.intake.figures import Estimates
from services.intake.quota import RateLimiter
from services.intake.routes import GENERATE_IMAGES
from services.intake.settings import FacadeSettings
from services.intake.signals import SignalCache
from services.intake.statuses import StatusTable
from services.intake.tables import FigureTable, RateTable, SignalTable
from services.intake.views import request_view
from services.intake.waiting import MAX_SECONDS, wait_for_end

MAX_BODY: Final = 128 * 1024
"""Bytes."""

settings = FacadeSettings.load()
client = boto3.client("dynamodb")
table = RequestTable(client, settings.table_name, timedelta(minutes=settings.nudge_after_minutes))
statuses = StatusTable(client, settings.table_name)
signals = SignalCache(SignalTable(client, settings.table_name))
links = image_links(settings.gallery_bucket_name, settings.cdn_domain)
handler = HttpApi(max_body=MAX_BODY)


def models() -> ModelCatalog:
    """Return the catalog, read when it is first needed, with the lifecycles that are known by now."""
    return model_catalog(settings.custom_models).with_ends(signals.current().ends)


creation = Creation(
    table,
    RateLimiter(RateTable(client, settings.table_name)),
    Estimates(FigureTable(client, settings.table_name)),
    models,
    settings.failover_price_ceiling_usd,
    signals=signals.current,
)


@cache
def pictures() -> GalleryImages:
    """Return the files; the client is made for the first who wants content, not at every cold start."""
    return GalleryImages(boto3.client("s3"), settings.gallery_bucket_name)


@handler.serve(GENERATE_IMAGES, render=openai.tell)
def generate() -> Response[str]:
    """Draw, wait, and answer with the images: addresses or content."""
    received = time.monotonic()
    body = handler.body(openai.ImageGeneration)
    wanted = openai.new_request(body, models(), datetime.now(UTC).date())
    _, accepted, headers = creation.create(handler.caller, wanted, handler.header("Idempotency-Key"))
    left = received + MAX_SECONDS - time.monotonic()
    if not wait_for_end(lambda: statuses.status(accepted.id), left):
        raise openai.unfinished(accepted.id)
    in_full = body.response_format == "b64_json"
    view = request_view(*table.both(accepted.id), str if in_full else links.url)  # in full: by key
    answer = openai.images(view, pictures().read if in_full else None)
    limits = {name: value for name, value in headers.items() if name.startswith("RateLimit")}
    return json_response(200, answer, {**limits, "x-request-id": accepted.id})
