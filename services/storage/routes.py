"""The routes of the gallery: what guards, describes and answers them."""

from typing import Final

from kit.http_api import Route
from services.storage.listing import ImagesQuery
from services.storage.views import CreatedShare, ImagePage, ImageView, NewShare, Shares

LIST_IMAGES: Final = Route(
    "GET",
    "/v1/images",
    "images:read",
    "List images, newest first",
    responses={200: ImagePage},
    query=ImagesQuery,
)
SHOW_IMAGE: Final = Route(
    "GET",
    "/v1/images/{image_id}",
    "images:read",
    "Show a image, everything that made it, and where to download it",
    responses={200: ImageView},
    problems=(404,),
)
DELETE_IMAGE: Final = Route(
    "DELETE",
    "/v1/images/{image_id}",
    "images:write",
    "Delete a image: its files, its share links and what is known of it",
    responses={204: None},
    problems=(404,),
)
SET_FAVOURITE: Final = Route(
    "PUT",
    "/v1/images/{image_id}/favourite",
    "images:write",
    "Make a image a favourite",
    responses={204: None},
    problems=(404,),
)
UNSET_FAVOURITE: Final = Route(
    "DELETE",
    "/v1/images/{image_id}/favourite",
    "images:write",
    "Make a image no longer a favourite",
    responses={204: None},
    problems=(404,),
)
CREATE_SHARE: Final = Route(
    "POST",
    "/v1/images/{image_id}/shares",
    "images:write",
    "Make a link that shows a image to whoever has it",
    responses={201: CreatedShare},
    body=NewShare,
    problems=(404, 409),
    response_headers={201: ("Location",)},
)
LIST_SHARES: Final = Route(
    "GET",
    "/v1/images/{image_id}/shares",
    "images:read",
    "List a image's share links that are still good",
    responses={200: Shares},
    problems=(404,),
)
REVOKE_SHARE: Final = Route(
    "DELETE",
    "/v1/images/{image_id}/shares/{share_id}",
    "images:write",
    "Revoke a share link",
    responses={204: None},
    problems=(404,),
)
OPEN_SHARE: Final = Route(
    "GET",
    "/v1/shares/{token}",
    None,
    "Follow a share link to the image",
    responses={302: None},
    problems=(404,),
    response_headers={302: ("Location",)},
)
