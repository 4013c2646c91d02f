"""What each problem type means and what a caller can do, for the documentation and the pages of `/problems/{code}`."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Advice(NamedTuple):
    """The explanation of a problem type."""

    meaning: str
    what_to_do: str


ADVICE: Final[Mapping[str, Advice]] = {
    "not_json": Advice(
        "The body could not be read as a JSON document.",
        "Send one JSON document as the body. Check quotes and commas, and that the shell did not change the text.",
    ),
    "not_utf8": Advice("The body has bytes that are not UTF-8.", "Encode the body as UTF-8."),
    "unauthorized": Advice(
        "The call has no valid API key.", "Send a key as `x-api-key` or as `Authorization: Bearer`."
    ),
    "consent_required": Advice(
        "The owner of the API key has not agreed to the current versions of the terms and the privacy notice, or has "
        "withdrawn that consent.",
        "Read the terms and the privacy notice. Then send their versions, which `GET /v1/consent` returns, with "
        "`PUT /v1/consent`. It takes effect at once.",
    ),
    "edge_required": Advice(
        "This installation accepts only calls that come through its CDN, and this one was sent to the API behind it.",
        "Use the address of the web app as the base URL. The operator of the installation knows it.",
    ),
    "insufficient_scope": Advice(
        "The API key is valid, but it lacks the scope that this route requires. `detail` names the scope.",
        "Use a key with that scope, or ask an operator for one. `GET /v1/me` lists the scopes of your key.",
    ),
    "not_found": Advice(
        "The resource does not exist, or it belongs to another owner.", "Check the address and the id in it."
    ),
    "not_acceptable": Advice(
        "The header `Accept` of the call excludes JSON, and this route returns nothing else.",
        "Add `application/json` to `Accept`, or leave the header out.",
    ),
    "body_too_large": Advice(
        "The body has more bytes than this route reads. `errors` has the limit.", "Send a shorter body."
    ),
    "unsupported_media_type": Advice(
        "The header `Content-Type` says that the body has another format than the route reads, which is JSON except "
        "for files. `curl -d` sends `application/x-www-form-urlencoded` unless the command sets the header.",
        "Send JSON with `Content-Type: application/json`. For a file, send its bytes with a type that `errors` allows.",
    ),
    "validation_failed": Advice(
        "The body or a parameter breaks a rule. `errors` has each field, its rule and, if there are any, the allowed "
        "values.",
        "Correct the fields that are named. The same request fails again.",
    ),
    "too_many_calls": Advice(
        "The API key made more calls than its limit allows, whatever their results were.",
        "Wait for the seconds in `Retry-After`. Poll less often, with `Prefer: wait=N`, or use a webhook.",
    ),
    "internal_error": Advice(
        "Something failed on our side. Requests that were accepted are not lost.",
        "Send the call again with the same `Idempotency-Key`. If it fails again, report the `call_id`.",
    ),
    "unavailable": Advice(
        "A service that the API needs did not respond. Requests that were accepted are not lost.",
        "Send the call again after the seconds in `Retry-After`, with the same `Idempotency-Key`.",
    ),
    "request_not_found": Advice(
        "No request for images has this id, or it belongs to another owner.",
        "Check the id: it is `id` in the response to `POST /v1/requests`.",
    ),
    "model_not_found": Advice(
        "The catalog has no model with this key.", "Use a key of a model that `GET /v1/models` lists."
    ),
    "too_late_to_cancel": Advice(
        "An image was generated already, or the status of the request is terminal. `detail` has the status.",
        "Let the request finish. Delete its images afterwards if you do not need them.",
    ),
    "appeal_not_found": Advice(
        "The request was not appealed, it belongs to another owner, or there is no such request.",
        "Check the id. `POST /v1/requests/{request_id}/appeal` appeals a rejected request.",
    ),
    "not_appealable": Advice(
        "The request was not rejected, or not by our moderation: the model's own filter, or a text that could not be "
        "checked. `detail` says which.",
        "Appeal only requests whose status is `rejected`. Otherwise reword the prompt and send a new request.",
    ),
    "already_appealed": Advice(
        "The request was appealed before. A request can be appealed once.",
        "Read the appeal with `GET /v1/requests/{request_id}/appeal`.",
    ),
    "appeal_decided": Advice(
        "An operator granted or refused the appeal before. `detail` says which.",
        "A decision cannot be changed. The owner can send a new request.",
    ),
    "idempotency_key_reused": Advice(
        "The same `Idempotency-Key` was sent with another body within 24 hours.",
        "Use a new key for each new request, and the same key only to repeat the same request.",
    ),
    "model_end_of_life": Advice(
        "The requested model is no longer served, and no successor fits the parameters. `errors` names the successor.",
        "Request the successor with parameters that it supports.",
    ),
    "rate_limited": Advice(
        "The API key has used all images, or all prompt checks, of the current window.",
        "Wait for the seconds in `Retry-After`. `RateLimit-Policy` has the limit.",
    ),
    "too_many_blocked": Advice(
        "Too many prompts of this API key were blocked by the content policy in the current window.",
        "Change the prompts, and wait for the seconds in `Retry-After`. `POST /v1/moderations` checks a prompt.",
    ),
    "budget_exhausted": Advice(
        "The rest of the daily budget of this installation does not cover the request, or an operator has stopped "
        "generation. `detail` says which.",
        "Request a cheaper model, or send the request again after the seconds in `Retry-After`.",
    ),
    "writes_stopped": Advice(
        "An operator has stopped new requests for a while, for example to restore data. Requests that were accepted "
        "are not lost.",
        "Send the call again after the seconds in `Retry-After`, with the same `Idempotency-Key`.",
    ),
    "overloaded": Advice(
        "Requests wait for longer than this installation promises, so new ones of API keys of low priority are refused "
        "first, then those of normal and of high priority. Requests that were accepted are not affected.",
        "Send the call again after the seconds in `Retry-After`, with the same `Idempotency-Key`. If your requests are "
        "more urgent than others, ask the operator for a key of a higher priority.",
    ),
    "content_policy_violation": Advice(
        "The prompt or the generated images were blocked by the content policy.",
        "Change the prompt. `POST /v1/moderations` checks a prompt without generating an image.",
    ),
    "moderation_blocked": Advice(
        "The same as `content_policy_violation`, for OpenAI's clients that name a GPT image model.",
        "Change the prompt. `POST /v1/moderations` checks a prompt without generating an image.",
    ),
    "request_cancelled": Advice(
        "The request was cancelled while this call waited for its images.", "Send a new request if you need the images."
    ),
    "images_deleted": Advice(
        "The request succeeded, but its images were deleted before this response.",
        "Send a new request if you need the images.",
    ),
    "too_many_waits": Advice(
        "As many calls of this owner as are allowed wait for images. Nothing was accepted.",
        "Send the call again after the seconds in `Retry-After`, or create requests without waiting.",
    ),
    "request_failed": Advice(
        "The request was accepted, but its status is now `failed` or `expired`: it has no image.",
        "Send a new request. `detail` has the reason; another model or other parameters may help.",
    ),
    "request_in_progress": Advice(
        "The images were not finished in the time that a call may take. The request is saved and goes on.",
        "Do not send it again. Poll the address in `Location` until the status is terminal.",
    ),
    "moderation_unavailable": Advice(
        "A layer of moderation did not respond, so the prompt is neither allowed nor blocked.",
        "Send the check again after the seconds in `Retry-After`.",
    ),
    "image_not_found": Advice(
        "No image has this id, it was deleted, or it belongs to another owner.",
        "Check the id. `GET /v1/images` lists your images.",
    ),
    "share_not_found": Advice(
        "The share link does not exist, was revoked, or has expired, or its image was deleted.",
        "Ask the owner of the image for a new link.",
    ),
    "too_many_shares": Advice(
        "The image has as many valid share links as are allowed.", "Revoke a link first, or share an existing one."
    ),
    "key_not_found": Advice("No API key has this id.", "Check the id. `GET /v1/keys` lists all keys."),
    "key_not_active": Advice("The API key is revoked or expired, so its text cannot be rotated.", "Create a new key."),
    "preferences_changed": Advice(
        "The preferences are not those of the `ETag` in `If-Match`: another call has replaced them.",
        "Read the preferences again, apply your change to them, and send them with the new `ETag`.",
    ),
    "erasure_not_found": Advice(
        "No erasure has this id, or the token in the header `x-receipt-token` is not that of its receipt.",
        "Send the `receipt_token` of the response to `DELETE /v1/me`. If it is lost, ask the operator for the receipt.",
    ),
    "export_not_found": Advice(
        "No export has this id, it belongs to another owner, or it has expired.",
        "List your exports with `GET /v1/me/exports`, or start another one with `POST /v1/me/exports`.",
    ),
    "erasure_running": Advice(
        "Everything of the owner of the API key is being erased, or was.",
        "Nothing is left to export. Use another owner.",
    ),
    "too_many_exports": Advice(
        "The owner has three exports that have not expired.",
        "Download one of them; `GET /v1/me/exports` lists them. Or wait until one expires; `detail` says when.",
    ),
    "webhook_not_found": Advice(
        "No webhook has this id, or it belongs to another owner.",
        "Check the id. `GET /v1/webhooks` lists your webhooks.",
    ),
    "delivery_not_found": Advice(
        "The webhook has no delivery with this id. Deliveries are kept for 30 days.",
        "Check the id. `GET /v1/webhooks/{webhook_id}/deliveries` lists the deliveries.",
    ),
    "delivery_in_progress": Advice(
        "The delivery is being sent at this moment.", "Wait a minute and send the call again."
    ),
    "too_many_webhooks": Advice("The owner has as many webhooks as are allowed.", "Delete a webhook first."),
    "webhook_disabled": Advice(
        "The webhook is disabled because its server answered 410. It receives nothing.",
        "Delete the webhook and create a new one.",
    ),
    "too_many_sends": Advice(
        "The owner has sent as many pings and resends as are allowed per hour.",
        "Wait for the seconds in `Retry-After`.",
    ),
    "dead_letters_not_found": Advice(
        "No dead-letter queue has a message with this fingerprint.",
        "Read the list again: the messages may have been replayed or quarantined.",
    ),
}
"""Code → explanation, for every code of ``kit.problems.PROBLEMS``."""
