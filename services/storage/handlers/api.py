"""The gallery's HTTP API."""

import boto3
from aws_lambda_powertools.event_handler import Response

from events.api import Api, ApiProblem, json_response
from events.links import image_links
from services.storage.adapters import GalleryCatalogue
from services.storage.operations import SHOW_IMAGE
from services.storage.settings import ApiSettings
from services.storage.views import ImageView, is_image_id

_settings = ApiSettings.load()
_catalogue = GalleryCatalogue(boto3.client("dynamodb"), _settings.table_name)
_links = image_links(_settings.gallery_bucket_name, _settings.cdn_domain)
handler = Api()


@handler.serve(SHOW_IMAGE)
def get_image(image_id: str) -> Response[str]:
    """Return one gallery entry; another owner's is as unknown as one that never was."""
    entry = _catalogue.find(image_id) if is_image_id(image_id) else None
    if entry is None or entry.owner != handler.caller.owner:
        raise ApiProblem(404, "image_not_found", "There is no image of this id")
    return json_response(200, ImageView.of(entry, _links.url), {"Cache-Control": "no-store"})
