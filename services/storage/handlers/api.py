"""The gallery's HTTP API."""

from datetime import UTC, datetime

import boto3
from aws_lambda_powertools.event_handler import Response

from kit.http_api import ApiProblem, HttpApi, json_response
from kit.signed_urls import image_links
from kit.telemetry import measure
from services.storage import removal, routes, shares
from services.storage.adapters.catalog import GalleryCatalog, GalleryIndex
from services.storage.gallery import Entry, is_image_id
from services.storage.listing import ImagesQuery, page
from services.storage.settings import ApiSettings
from services.storage.views import CreatedShare, ImagePage, ImageView, NewShare, Shares, ShareView

_settings = ApiSettings.load()
_dynamodb = boto3.client("dynamodb")
_catalog = GalleryCatalog(_dynamodb, _settings.table_name)
_index = GalleryIndex(_dynamodb, _settings.table_name)
_links = image_links(_settings.gallery_bucket_name, _settings.cdn_domain)
handler = HttpApi()


@handler.serve(routes.LIST_IMAGES)
def list_images() -> Response[str]:
    """Return one page of the caller's images."""
    query = handler.query(ImagesQuery)
    found = page(_index, query.listing(handler.caller.owner), query.after, query.limit)
    return json_response(200, ImagePage.of(found, _links.url))


@handler.serve(routes.SHOW_IMAGE)
def get_image(image_id: str) -> Response[str]:
    """Return one gallery entry; another owner's is as unknown as one that never was."""
    view = ImageView.of(_own(image_id), _links.url)
    _told("viewed")
    return json_response(200, view)


@handler.serve(routes.DELETE_IMAGE)
def delete_image(image_id: str) -> Response[str]:
    """Delete a image for good. Doing so again changes nothing."""
    known = is_image_id(image_id) and removal.delete(_catalog, image_id, handler.caller.owner, _now())
    return _nothing_if(known)


@handler.serve(routes.SET_FAVOURITE)
def set_favourite(image_id: str) -> Response[str]:
    """Make a image a favourite."""
    known = is_image_id(image_id) and _catalog.set_favourite(image_id, handler.caller.owner, True)
    return _nothing_if(known, "favourited")


@handler.serve(routes.UNSET_FAVOURITE)
def unset_favourite(image_id: str) -> Response[str]:
    """Make a image no longer a favourite."""
    return _nothing_if(is_image_id(image_id) and _catalog.set_favourite(image_id, handler.caller.owner, False))


@handler.serve(routes.CREATE_SHARE)
def create_share(image_id: str) -> Response[str]:
    """Make a share link; its token is in this answer and nowhere else."""
    wanted = handler.body(NewShare)
    entry, now = _own(image_id), _now()
    share, token = shares.new_share(image_id, wanted.expires_in_seconds, now)
    expired = set(entry.shares) - set(shares.live(entry.shares, now))
    try:
        has_room = _catalog.add_share(entry, share, sorted(expired, key=lambda old: old.share_id))
    except KeyError:
        raise _unknown() from None
    if not has_room:
        title = f"The image has {shares.LIVE_AT_ONCE} share links; revoke one first"
        raise ApiProblem(409, "too_many_shares", title)
    _told("shared")
    view = CreatedShare(**ShareView.of(image_id, share).model_dump(), url=f"/v1/shares/{token}")
    return json_response(201, view, {"Location": view.links.self})


@handler.serve(routes.LIST_SHARES)
def list_shares(image_id: str) -> Response[str]:
    """Return the share links of a image that are still good."""
    found = shares.live(_own(image_id).shares, _now())
    return json_response(200, Shares(shares=[ShareView.of(image_id, share) for share in found]))


@handler.serve(routes.REVOKE_SHARE)
def revoke_share(image_id: str, share_id: str) -> Response[str]:
    """Revoke a share link. Whether there was one makes no difference: now there is none."""
    if not shares.is_share_id(share_id):
        raise ApiProblem(404, "share_not_found", "There is no share link of this id")
    return _nothing_if(is_image_id(image_id) and _catalog.revoke_share(image_id, handler.caller.owner, share_id))


@handler.serve(routes.OPEN_SHARE)
def open_share(token: str) -> Response[str]:
    """Send whoever has the link to the image, by a URL that outlives neither the link nor a quarter of an hour."""
    named = shares.read_token(token)
    entry = _catalog.find(named[0]) if named else None
    now = _now()
    share = shares.opened(entry, named[1], now) if named and isinstance(entry, Entry) else None
    if share is None or not isinstance(entry, Entry):
        raise ApiProblem(404, "share_not_found", "There is no such link, or not any more")
    _told("opened")
    left = max(1, int((share.expires_at - now).total_seconds()))
    return Response(302, headers={"Location": _links.url(entry.display.key, left), "Cache-Control": "no-store"})


def _own(image_id: str) -> Entry:
    entry = _catalog.find(image_id) if is_image_id(image_id) else None
    if not isinstance(entry, Entry) or entry.owner != handler.caller.owner:
        raise _unknown()
    return entry


def _unknown() -> ApiProblem:
    return ApiProblem(404, "image_not_found", "There is no image of this id")


def _nothing_if(known: bool, action: str = "") -> Response[str]:
    if not known:
        raise _unknown()
    if action:
        _told(action)
    return Response(204)


def _told(action: str) -> None:
    """Count what people do with images."""
    measure("engagement", {"engagement": (1, "Count")}, {"action": action})


def _now() -> datetime:
    return datetime.now(UTC)
