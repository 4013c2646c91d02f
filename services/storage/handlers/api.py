"""The gallery's HTTP API."""

from typing import Any

import boto3
from aws_lambda_powertools.event_handler import Response

from events.api import ApiProblem, json_response, make_resolver, owner
from events.links import image_links
from services.storage.adapters import GalleryCatalogue
from services.storage.settings import ApiSettings
from services.storage.views import ImageView, is_image_id

_settings = ApiSettings.load()
_catalogue = GalleryCatalogue(boto3.client("dynamodb"), _settings.table_name)
_links = image_links(_settings.gallery_bucket_name, _settings.cdn_domain)
_app = make_resolver()


@_app.get("/v1/images/<image_id>")
def get_image(image_id: str) -> Response[str]:
    """Return one gallery entry; another owner's is as unknown as one that never was."""
    entry = _catalogue.find(image_id) if is_image_id(image_id) else None
    if entry is None or entry.owner != owner(_app):
        raise ApiProblem(404, "image_not_found", "There is no image of this id")
    return json_response(200, ImageView.of(entry, _links.url), {"Cache-Control": "no-store"})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an HTTP API request (payload 2.0)."""
    return _app.resolve(event, context)
