"""The result of a finished request for facades: images, or an error. Other APIs have no other results."""

from datetime import datetime

from events.pipeline import Status
from kit.http_api import ApiProblem, field_error
from services.intake.schemas import RequestView


def image_urls(view: RequestView) -> list[str]:
    """Return the URLs of the images, at least one. Raise ``ApiProblem`` if the request has no images."""
    urls = [image.url for image in view.images if image.url]
    if not urls:
        raise missing_images(view)
    return urls


def stored_at(view: RequestView) -> datetime:
    """Return when the images of a request that succeeded were stored."""
    return next(entry.at for entry in view.timeline if entry.event == "ImageStored")


def missing_images(view: RequestView) -> ApiProblem:
    """Return the problem that a request has no images."""
    headers = {"Location": view.links.self}
    reason = view.reason
    match view.status:
        case Status.REJECTED:
            field = (reason.field if reason else None) or "prompt"
            category = {"category": reason.category} if reason and reason.category else {}
            error = field_error(field, "is blocked by our content policy", **category)
            title = reason.detail if reason else "Blocked by our content policy."
            return ApiProblem(400, "content_policy_violation", title, errors=[error], headers=headers)
        case Status.CANCELLED:
            return ApiProblem(409, "request_cancelled", "The request was cancelled.", headers=headers)
        case Status.SUCCEEDED:
            return ApiProblem(410, "images_deleted", "The images of this request were deleted.", headers=headers)
        case status:
            code, title = (reason.code, reason.detail) if reason else (str(status), "The request failed.")
            return ApiProblem(500, code, title, headers=headers)
