"""The routes of the gallery: what guards, describes and answers them."""

from typing import Final

from events.api import Operation
from services.storage.listing import ImagesQuery
from services.storage.views import CreatedShare, ImagePage, ImageView, NewShare, Shares

LIST_IMAGES: Final = Operation(
    "GET",
    "/v1/images",
    "images:read",
    "List pictures, newest first",
    answers={200: ImagePage},
    query=ImagesQuery,
)
SHOW_IMAGE: Final = Operation(
    "GET",
    "/v1/images/{image_id}",
    "images:read",
    "Show a picture, everything that made it, and where to download it",
    answers={200: ImageView},
    problems=(404,),
)
DELETE_IMAGE: Final = Operation(
    "DELETE",
    "/v1/images/{image_id}",
    "images:write",
    "Delete a picture: its files, its share links and what is known of it",
    answers={204: None},
    problems=(404,),
)
SET_FAVOURITE: Final = Operation(
    "PUT",
    "/v1/images/{image_id}/favourite",
    "images:write",
    "Make a picture a favourite",
    answers={204: None},
    problems=(404,),
)
UNSET_FAVOURITE: Final = Operation(
    "DELETE",
    "/v1/images/{image_id}/favourite",
    "images:write",
    "Make a picture no longer a favourite",
    answers={204: None},
    problems=(404,),
)
CREATE_SHARE: Final = Operation(
    "POST",
    "/v1/images/{image_id}/shares",
    "images:write",
    "Make a link that shows a picture to whoever has it",
    answers={201: CreatedShare},
    body=NewShare,
    problems=(404, 409),
    answer_headers={201: ("Location",)},
)
LIST_SHARES: Final = Operation(
    "GET",
    "/v1/images/{image_id}/shares",
    "images:read",
    "List a picture's share links that are still good",
    answers={200: Shares},
    problems=(404,),
)
REVOKE_SHARE: Final = Operation(
    "DELETE",
    "/v1/images/{image_id}/shares/{share_id}",
    "images:write",
    "Revoke a share link",
    answers={204: None},
    problems=(404,),
)
OPEN_SHARE: Final = Operation(
    "GET",
    "/v1/shares/{token}",
    None,
    "Follow a share link to the picture",
    answers={302: None},
    problems=(404,),
    answer_headers={302: ("Location",)},
)
