"""What facades read from a request that has ended. Ours shows every ending; other APIs know images or errors."""

from datetime import datetime

from kit.http_api import ApiProblem, field_error
from services.intake.lifecycle import CANCELLED, REJECTED, SUCCEEDED
from services.intake.views import RequestView


def image_urls(view: RequestView) -> list[str]:
    """Return where the images are, one at least. Raises ``ApiProblem`` where the request ended without one."""
    found = [image.url for image in view.images if image.url]
    if not found:
        raise _without_images(view)
    return found


def stored_at(view: RequestView) -> datetime:
    """Return when the images of a request that succeeded were there."""
    return next(moment.at for moment in view.timeline if moment.event == "ImageStored")


def _without_images(view: RequestView) -> ApiProblem:
    where = {"Location": view.links.self}
    why = view.reason.detail if view.reason else ""
    if view.status == REJECTED:
        field = (view.reason.field if view.reason else None) or "prompt"
        category = {"category": view.reason.category} if view.reason and view.reason.category else {}
        error = field_error(field, "is blocked by our content policy", **category)
        return ApiProblem(400, "content_policy_violation", why, errors=[error], headers=where)
    if view.status == CANCELLED:
        return ApiProblem(409, "request_cancelled", "The request was cancelled", headers=where)
    if view.status == SUCCEEDED:
        return ApiProblem(410, "images_deleted", "The images of this request were deleted", headers=where)
    return ApiProblem(500, view.reason.code if view.reason else view.status, why, headers=where)
