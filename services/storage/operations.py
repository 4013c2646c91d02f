"""The routes of the gallery: what guards, describes and answers them."""

from typing import Final

from events.api import Operation
from services.storage.views import ImageView

SHOW_IMAGE: Final = Operation(
    "GET",
    "/v1/images/{image_id}",
    "images:read",
    "Show a picture, everything that made it, and where to download it",
    answers={200: ImageView},
    problems=(404,),
)
