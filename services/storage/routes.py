"""The routes of the gallery API."""

from typing import Final

from kit.http_api import Route
from services.storage.schemas import (
    CreatedShare,
    ImagePage,
    ImagesQuery,
    ImageView,
    NewShare,
    ShareList,
    VerificationView,
)

LIST_IMAGES: Final = Route(
    "GET",
    "/v1/images",
    "images:read",
    "List images, newest first",
    responses={200: ImagePage},
    query=ImagesQuery,
    optional_headers={200: ("Link",)},
)
SHOW_IMAGE: Final = Route(
    "GET",
    "/v1/images/{image_id}",
    "images:read",
    "Get an image: parameters, files and their URLs",
    responses={200: ImageView},
    problems=(404,),
)
DELETE_IMAGE: Final = Route(
    "DELETE",
    "/v1/images/{image_id}",
    "images:write",
    "Delete an image with its files and share links",
    responses={204: None},
    problems=(404,),
)
SET_FAVOURITE: Final = Route(
    "PUT",
    "/v1/images/{image_id}/favourite",
    "images:write",
    "Mark an image as a favourite",
    responses={204: None},
    problems=(404,),
)
UNSET_FAVOURITE: Final = Route(
    "DELETE",
    "/v1/images/{image_id}/favourite",
    "images:write",
    "Remove the favourite mark of an image",
    responses={204: None},
    problems=(404,),
)
CREATE_SHARE: Final = Route(
    "POST",
    "/v1/images/{image_id}/shares",
    "images:write",
    "Create a link that shows an image to everyone who has it",
    responses={201: CreatedShare},
    body=NewShare,
    problems=(404, 409),
    response_headers={201: ("Location",)},
)
LIST_SHARES: Final = Route(
    "GET",
    "/v1/images/{image_id}/shares",
    "images:read",
    "List the valid share links of an image",
    responses={200: ShareList},
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
    "Open a share link",
    responses={302: None},
    problems=(404,),
    response_headers={302: ("Location",)},
)
VERIFY_FILE: Final = Route(
    "POST",
    "/v1/verifications",
    None,
    "Check who has signed an image file, and whether it was changed since",
    responses={200: VerificationView},
    file_types=("application/octet-stream",),
)
