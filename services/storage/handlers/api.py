"""The gallery's HTTP API."""

from datetime import timedelta

import boto3
from aws_lambda_powertools.event_handler import Response

from kit.clock import SystemClock
from kit.http_api import HttpApi, json_response
from kit.signed_urls import image_links
from kit.telemetry import measure
from services.storage import routes
from services.storage.gallery import Gallery
from services.storage.listing import read_page
from services.storage.repository.gallery import DynamoGallery
from services.storage.repository.index import DynamoGalleryIndex
from services.storage.schemas import CreatedShare, ImagePage, ImagesQuery, ImageView, NewShare, ShareList, ShareView
from services.storage.settings import ApiSettings

_settings = ApiSettings.load()
_dynamodb = boto3.client("dynamodb")
_gallery = Gallery(
    DynamoGallery(_dynamodb, _settings.table_name, timedelta(days=_settings.ledger_retention_days)), SystemClock()
)
_index = DynamoGalleryIndex(_dynamodb, _settings.table_name)
_links = image_links(_settings.gallery_bucket_name, _settings.cdn_url, _settings.image_link_key_id)
handler = HttpApi()


@handler.serve(routes.LIST_IMAGES)
def list_images() -> Response[str]:
    """Return one page of the caller's images."""
    query = handler.query(ImagesQuery)
    page = read_page(_index, query.listing(handler.caller.owner), query.cursor, query.limit)
    view = ImagePage.of(page, _links.url, _links.sized_url)
    return json_response(200, view, handler.next_link(view.next_cursor))


@handler.serve(routes.SHOW_IMAGE)
def get_image(image_id: str) -> Response[str]:
    """Return one image."""
    view = ImageView.of(_gallery.get(image_id, handler.caller.owner), _links.url, _links.sized_url)
    _count("viewed")
    return json_response(200, view)


@handler.serve(routes.DELETE_IMAGE)
def delete_image(image_id: str) -> Response[str]:
    """Delete an image permanently."""
    _gallery.delete(image_id, handler.caller.owner)
    return Response(204)


@handler.serve(routes.SET_FAVOURITE)
def set_favourite(image_id: str) -> Response[str]:
    """Mark an image as a favourite."""
    _gallery.set_favourite(image_id, handler.caller.owner, True)
    _count("favourited")
    return Response(204)


@handler.serve(routes.UNSET_FAVOURITE)
def unset_favourite(image_id: str) -> Response[str]:
    """Remove the favourite mark of an image."""
    _gallery.set_favourite(image_id, handler.caller.owner, False)
    return Response(204)


@handler.serve(routes.CREATE_SHARE)
def create_share(image_id: str) -> Response[str]:
    """Create a share link. Only this response contains its token."""
    body = handler.body(NewShare)
    share, token = _gallery.create_share(image_id, handler.caller.owner, body.expires_in_seconds)
    _count("shared")
    view = CreatedShare(**ShareView.of(image_id, share).model_dump(), url=f"/v1/shares/{token}")
    return json_response(201, view, {"Location": view.links.self})


@handler.serve(routes.LIST_SHARES)
def list_shares(image_id: str) -> Response[str]:
    """Return the valid share links of an image."""
    shares = _gallery.list_shares(image_id, handler.caller.owner)
    return json_response(200, ShareList(shares=[ShareView.of(image_id, share) for share in shares]))


@handler.serve(routes.REVOKE_SHARE)
def revoke_share(image_id: str, share_id: str) -> Response[str]:
    """Revoke a share link."""
    _gallery.revoke_share(image_id, handler.caller.owner, share_id)
    return Response(204)


@handler.serve(routes.OPEN_SHARE)
def open_share(token: str) -> Response[str]:
    """Redirect to the display file, with a URL that is valid for no other file and not longer than the share link."""
    entry, seconds_left = _gallery.open_share(token)
    _count("opened")
    location = _links.url(entry.display.key, seconds_left)
    return Response(302, headers={"Location": location, "Cache-Control": "no-store"})


def _count(action: str) -> None:
    """Count what people do with images."""
    measure("engagement", {"engagement": 1}, {"action": action})
