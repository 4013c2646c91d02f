"""The result of a finished request for facades: images, or an error. Other APIs have no other results."""

from datetime import datetime
from typing import Any

from events.pipeline import Status
from kit.problems import ApiProblem, field_error
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
    path, reason = view.links.self, view.reason

    def problem(code: str, detail: str, **errors: Any) -> ApiProblem:
        return ApiProblem(code, detail, headers={"Location": path}, instance=path, **errors)

    match view.status:
        case Status.REJECTED:
            field = (reason.field if reason else None) or "prompt"
            category = {"category": reason.category} if reason and reason.category else {}
            error = field_error(field, "is blocked by our content policy", **category)
            detail = reason.detail if reason else "Blocked by our content policy."
            return problem("content_policy_violation", detail, errors=[error])
        case Status.CANCELLED:
            return problem("request_cancelled", "The request was cancelled.")
        case Status.SUCCEEDED:
            return problem("images_deleted", "The images of this request were deleted.")
        case _:
            return problem("request_failed", reason.detail if reason else "The request failed.")
