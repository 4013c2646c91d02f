# Generated from docs/openapi.json by `make clients`. Do not edit.

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field
from typing_extensions import TypeAliasType

from genai_images._answer import Answer


class AnalyticsStep(Answer):
    """Runs of a step and their durations in milliseconds. `request` is the whole request."""

    count: int
    """Number of runs."""
    mean_ms: float
    """Mean duration."""
    p50_ms: float
    """Estimated from a histogram, like `p95_ms`."""
    p95_ms: float
    """Estimated 95th percentile."""
    stalled: int
    """Messages that went to the step's dead-letter queue."""
    replayed: int
    """Messages that operators replayed."""


class AppealView(Answer):
    """The appeal of a rejected request."""

    request_id: str
    """Id of the rejected request."""
    status: Literal["pending", "granted", "refused"]
    """`pending` until an operator decides."""
    subject: Literal["prompt", "images"]
    """What was rejected: `prompt` or `images`."""
    category: str
    """The category of the content policy."""
    policy_version: str
    """Version of the moderation policy that rejected."""
    reason: str
    """Why the owner appealed."""
    appealed_at: AwareDatetime
    """When it was appealed."""
    decided_at: AwareDatetime | None = None
    """When it was decided. Absent while it is pending."""
    decision_reason: str | None = None
    """Why it was decided so. Absent while it is pending."""
    granted_request_id: str | None = None
    """Id of the new request with the same parameters. Present if the appeal was granted."""


class AttemptView(Answer):
    """One call of a webhook."""

    at: AwareDatetime
    """When the call was made."""
    duration_ms: int
    """Duration of the call in milliseconds."""
    status: int | None = None
    """HTTP status of the response. Absent without a response."""
    error: str | None = None
    """Description of the failure. Absent if the call succeeded."""


class ConsentView(Answer):
    """The consent of the caller's owner."""

    required: bool
    """Whether this installation accepts requests only with a valid consent."""
    valid: bool
    """Whether the owner agrees to the current versions."""
    current_terms: str
    """Current version of the terms: the date on which it was published."""
    current_privacy_notice: str
    """Current version of the privacy notice."""
    terms: str | None = None
    """The version of the terms that the owner agreed to. Absent without a consent, like the following fields."""
    privacy_notice: str | None = None
    """The version of the privacy notice that the owner agreed to."""
    given_at: AwareDatetime | None = None
    """When the consent was given."""
    key_id: str | None = None
    """Id of the key with which it was given."""
    withdrawn_at: AwareDatetime | None = None
    """When it was withdrawn. Absent if it was not."""


class DayNumbers(Answer):
    """Counters of one day (UTC)."""

    requests: dict[str, Any]
    """By status."""
    images: dict[str, Any]
    """By result, for example generated, stored, deleted."""
    cost_usd: str
    """Costs of generation."""
    models: dict[str, Any]
    """By key of the model."""
    styles: dict[str, Any]
    """Requests by style."""
    rejections: dict[str, Any]
    """Rejected requests by category."""
    failures: dict[str, Any]
    """Failed requests by reason."""
    steps: dict[str, Any]
    """By name of the step."""
    day: date
    """The day."""


class DecisionData(Answer):
    """The decision about an appeal."""

    request_id: str
    """Id of the rejected request. `GET /v1/requests/{request_id}/appeal` has the reason."""
    decision: Literal["granted", "refused"]
    """`granted`: the rejection was wrong. `refused`: it stands."""
    granted_request_id: str | None = None
    """The new request with the same parameters. Present if and only if the appeal was granted."""


class DefaultsResponse(Answer):
    """Default settings for clients. Whether a model supports them is checked with each request."""

    model: str | None = None
    """Key of the model."""
    size: str | None = None
    """`WIDTHxHEIGHT`. Excludes `aspect_ratio`."""
    aspect_ratio: str | None = None
    """Excludes `size`."""
    style: str | None = None
    """Name of a style."""
    count: int | None = None
    """Number of images."""


class DeliveryView(Answer):
    """One message to one webhook and its attempts."""

    delivery_id: str
    """The header `webhook-id` of every attempt."""
    request_id: str
    """Id of the request that the message is about."""
    kind: str
    """The status, or `webhook.ping`."""
    state: Literal["pending", "delivered", "failed"]
    """`failed`: abandoned after the last attempt."""
    created_at: AwareDatetime
    """When the message was created."""
    next_attempt_at: AwareDatetime | None = None
    """When the next attempt follows. Absent if none does."""
    attempts: list[AttemptView]
    """The last 20 attempts, newest last."""


class DryRunParameters(Answer):
    """The parameters of a request, with defaults for the missing ones."""

    prompt: str
    """What the images show."""
    negative_prompt: str | None = None
    """What the images must not show."""
    style: str | None = None
    """Name of the style."""
    quality: Literal["standard", "premium"]
    """`premium` costs more."""
    count: int
    """Number of images."""
    steps: int | None = None
    """Number of diffusion steps."""
    guidance: float | None = None
    """How closely the images follow the prompt."""
    output_format: Literal["png", "jpeg", "webp"] | None = None
    """The format of the original files. Absent: PNG."""
    output_compression: int | None = None
    """The quality of a JPEG or WebP original, from 0 to 100."""
    seed: int | None = None
    """Seed of the first image; each further image adds 1. Absent if the caller did not choose one."""


class ErasedStore(Answer):
    """The result of an erasure in one store."""

    store: str
    """The service, and its table, bucket or queue."""
    erased: int
    """Items, objects or messages that were erased so far."""
    remains: str | None = None
    """What is kept; absent if nothing is."""
    reason: str | None = None
    """Why it is kept."""
    until: AwareDatetime | None = None
    """When the last of it is deleted."""


class ErasureLinks(Answer):
    """Related resources."""

    self: str
    """The path of the erasure and its receipt."""


class ErasureView(Answer):
    """An erasure with its receipt."""

    id: str
    """Id of the erasure."""
    status: Literal["running", "completed"]
    """`completed` after the last sweep, which follows data that was still being processed."""
    scope: Literal["owner", "request", "image"]
    """What is erased: everything of an owner, or some requests or images."""
    requested_at: AwareDatetime
    """When the erasure was requested."""
    completed_at: AwareDatetime | None = None
    """When the last sweep was completed; absent before."""
    next_sweep_at: AwareDatetime | None = None
    """When the erasure is repeated for data that was still being processed; absent if it is not."""
    stores: list[ErasedStore]
    """Every store that has answered so far."""


class ExportData(Answer):
    """An export that is ready."""

    export_id: str
    """Id of the export. `GET /v1/me/exports/{export_id}` has links to its files."""
    files: int
    """Number of its ZIP files."""
    bytes: int
    """Size of all of them."""
    expires_at: AwareDatetime
    """When they are deleted."""


class ExportFileView(Answer):
    """A ZIP file of an export: `manifest.json`, JSON Lines per kind of data in the first file, and images."""

    name: str
    """Name under which a browser saves it."""
    bytes: int
    """Size of the file."""
    sha256: str
    """SHA-256 of the file in hexadecimal digits."""
    url: str
    """URL of the file. Valid for 15 minutes; read the export again for another one."""


class ExportLinks(Answer):
    """Related resources."""

    self: str
    """The path of the export."""


class ExportProgress(Answer):
    """How far an export is."""

    services_done: int
    """Services that have exported everything."""
    services_total: int
    """Services that have data of owners."""
    images_done: int
    """Images in the files that are complete."""
    images_total: int
    """Images that were found so far."""


class ExportSummary(Answer):
    """An export of everything that belongs to an owner."""

    id: str
    """Id of the export."""
    status: Literal["running", "ready", "failed"]
    """`ready` once its files can be downloaded. `failed` if it was abandoned; `reason` says why."""
    requested_at: AwareDatetime
    """When it was requested."""
    completed_at: AwareDatetime | None = None
    """When it became ready or failed. Absent before."""
    expires_at: AwareDatetime | None = None
    """When it is deleted with its files. Absent while it runs."""
    reason: str | None = None
    """Why it failed. Absent otherwise."""
    links: ExportLinks
    """Related resources."""


class ExportView(Answer):
    """An export with its progress and its files."""

    id: str
    """Id of the export."""
    status: Literal["running", "ready", "failed"]
    """`ready` once its files can be downloaded. `failed` if it was abandoned; `reason` says why."""
    requested_at: AwareDatetime
    """When it was requested."""
    completed_at: AwareDatetime | None = None
    """When it became ready or failed. Absent before."""
    expires_at: AwareDatetime | None = None
    """When it is deleted with its files. Absent while it runs."""
    reason: str | None = None
    """Why it failed. Absent otherwise."""
    links: ExportLinks
    """Related resources."""
    progress: ExportProgress
    """How far it is."""
    files: list[ExportFileView]
    """The files, once the export is ready. Each has at most about 1 GiB, so an owner with many images has several."""


class FactView(Answer):
    """A statement about a model, with its source."""

    text: str
    """The statement."""
    source: str
    """Address of the document that says so."""


class FileView(Answer):
    """A file, with a URL that expires."""

    url: str
    """URL of the file. Valid for 15 minutes, and for this file only."""
    media_type: str
    """Media type of the file."""
    width: int
    """Width in pixels."""
    height: int
    """Height in pixels."""
    bytes: int
    """Size of the file."""
    sha256: str
    """SHA-256 of the file in hexadecimal digits."""


class Image(Answer):
    """A finished image. Its URLs are new in every response; a deleted image has none."""

    id: str
    """Id of the image in the gallery."""
    index: int
    """Number of the image within its request, from 0."""
    url: str | None = None
    """URL of the original file. Valid for 15 minutes. Absent if the image is deleted."""
    display_url: str | None = None
    """URL of a smaller file for screens. Valid for 15 minutes. Absent if the image is deleted."""
    thumbnail_url: str | None = None
    """URL of the smallest file. Valid for 15 minutes. Absent if the image is deleted."""
    width: int
    """Width of the original in pixels."""
    height: int
    """Height of the original in pixels."""
    placeholder: str | None = None
    """BlurHash. Absent if the image is deleted."""
    model: str
    """Key of the model that generated it."""
    seed: int
    """Seed that it was generated with."""
    cost_usd: str
    """Price of the image in US dollars."""
    deleted_at: AwareDatetime | None = None
    """When the image was deleted. Absent if it was not."""


class ImageLinks(Answer):
    """URLs relative to the API."""

    self: str
    """The image."""
    request: str
    """Its request."""
    favourite: str
    """PUT marks it as a favourite, DELETE removes the mark."""
    shares: str
    """Its share links."""


class ImageView(Answer):
    """An image: its parameters and its files."""

    id: str
    """Id of the image."""
    request_id: str
    """Id of its request."""
    index: int
    """Number of the image within its request, from 0."""
    created_at: AwareDatetime
    """When it was stored."""
    prompt: str
    """The prompt of its request."""
    negative_prompt: str | None = None
    """The negative prompt of its request. Absent if there was none."""
    style: str | None = None
    """The style of its request. Absent if there was none."""
    model: str
    """Key of the model that generated it."""
    seed: int
    """Seed that it was generated with."""
    width: int
    """Width of the original in pixels."""
    height: int
    """Height of the original in pixels."""
    quality: Literal["standard", "premium"]
    """The quality of its request."""
    steps: int | None = None
    """Diffusion steps. Absent if the request had none."""
    guidance: float | None = None
    """How closely it follows the prompt. Absent if the request did not say."""
    cost_usd: str
    """Price of the image in US dollars."""
    favourite: bool
    """Whether it is marked as a favourite."""
    placeholder: str
    """BlurHash."""
    original: FileView
    """The file in full size, in the format that the request names."""
    display: FileView
    """A smaller file for screens."""
    thumbnail: FileView
    """The smallest file."""
    sized_url: str | None = None
    """URL of the image in a width of your choice: replace `{width}` with 320, 640, 960, 1280 or 1920. AVIF, WebP or JPEG, as `Accept` says. Valid for 15 minutes, and for this image only. Absent if the installation has no CDN."""
    links: ImageLinks
    """Related resources."""


class KeyView(Answer):
    """A key without its text, which is shown only once."""

    key_id: str
    """Id of the key."""
    prefix: str
    """Start of its text."""
    owner: str
    """Name of the owner of its requests and images. The id if the owner was erased."""
    owner_id: str
    """Id of the owner, which stands for the name in requests, events and logs."""
    name: str
    """Purpose of the key."""
    scopes: list[Literal["requests:write", "requests:read", "images:read", "images:write", "analytics:read", "admin"]]
    """Permissions."""
    limit: int
    """Images per `window_seconds`."""
    window_seconds: int
    """Length of the window in which the images are counted."""
    priority: Literal["low", "normal", "high"]
    """While too many requests wait, new ones of keys of the lowest priority are refused first."""
    status: Literal["active", "expired", "revoked"]
    """Only `active` keys are accepted."""
    created_at: AwareDatetime
    """When it was created."""
    expires_at: AwareDatetime | None = None
    """When it expires. Absent if it does not."""
    revoked_at: AwareDatetime | None = None
    """When it was revoked. Absent if it was not."""
    last_used_at: AwareDatetime | None = None
    """Up to an hour old."""
    previous_until: AwareDatetime | None = None
    """Until when the text before the last rotation is valid."""


class KeyWithText(Answer):
    """A key with its new text, which is shown only this once."""

    key_id: str
    """Id of the key."""
    prefix: str
    """Start of its text."""
    owner: str
    """Name of the owner of its requests and images. The id if the owner was erased."""
    owner_id: str
    """Id of the owner, which stands for the name in requests, events and logs."""
    name: str
    """Purpose of the key."""
    scopes: list[Literal["requests:write", "requests:read", "images:read", "images:write", "analytics:read", "admin"]]
    """Permissions."""
    limit: int
    """Images per `window_seconds`."""
    window_seconds: int
    """Length of the window in which the images are counted."""
    priority: Literal["low", "normal", "high"]
    """While too many requests wait, new ones of keys of the lowest priority are refused first."""
    status: Literal["active", "expired", "revoked"]
    """Only `active` keys are accepted."""
    created_at: AwareDatetime
    """When it was created."""
    expires_at: AwareDatetime | None = None
    """When it expires. Absent if it does not."""
    revoked_at: AwareDatetime | None = None
    """When it was revoked. Absent if it was not."""
    last_used_at: AwareDatetime | None = None
    """Up to an hour old."""
    previous_until: AwareDatetime | None = None
    """Until when the text before the last rotation is valid."""
    key: str
    """The text of the key, for the header `x-api-key`. Store it safely."""


class KeywordHit(Answer):
    """What the keyword filter found. Its terms match words, not meaning."""

    category: str
    """A category of the policy."""
    field: Literal["prompt", "negative_prompt"]
    """Where the term was found."""
    strength: Literal["block", "review"]
    """`block`: the term has no innocent use, and decided. `review`: the model of the next layer decided."""


class Links(Answer):
    """Paths of the API."""

    self: str
    """Path of the request."""
    images: list[str] = []
    """Paths of its images in the gallery, without deleted ones."""


class Me(Answer):
    """The caller's API key."""

    owner: str
    """Name of the owner of its requests and images."""
    owner_id: str
    """Id of the owner, which stands for the name in requests, events and logs."""
    key_id: str
    """Id of the key."""
    scopes: list[Literal["requests:write", "requests:read", "images:read", "images:write", "analytics:read", "admin"]]
    """Permissions."""
    limit: int
    """Images per `window_seconds`."""
    window_seconds: int
    """Length of the window in which the images are counted."""
    priority: Literal["low", "normal", "high"]
    """While too many requests wait, new ones of keys of the lowest priority are refused first."""


class ModelUse(Answer):
    """Requests, images and costs of a model."""

    requests: int
    """Accepted requests for this model."""
    images: int
    """Images that this model generated."""
    cost_usd: str
    """Costs of these images in US dollars."""


class Numbers(Answer):
    """Counters of all owners."""

    requests: dict[str, Any]
    """By status."""
    images: dict[str, Any]
    """By result, for example generated, stored, deleted."""
    cost_usd: str
    """Costs of generation."""
    models: dict[str, Any]
    """By key of the model."""
    styles: dict[str, Any]
    """Requests by style."""
    rejections: dict[str, Any]
    """Rejected requests by category."""
    failures: dict[str, Any]
    """Failed requests by reason."""
    steps: dict[str, Any]
    """By name of the step."""


class OpenAIModel(Answer):
    """A model as OpenAI's clients read it."""

    id: str
    """The name of the model in requests."""
    object: Literal["model"] = "model"
    """The kind of this object."""
    created: int = 0
    """Always 0: the model catalog does not say when a model was created."""
    owned_by: str
    """The provider of the model at Bedrock, or `custom`."""
    shutdown_date: date | None = None
    """The model's end of life, if it is known."""


class Ping(Answer):
    """A test message to a webhook."""

    type: Literal["webhook.ping"]
    """Identifies this kind of message."""
    id: str
    """The same in every delivery."""
    timestamp: AwareDatetime
    """When the ping was requested."""


class PlannedModel(Answer):
    """A model that may serve the request, and the parameters in the terms of that model."""

    model: str
    """Key of the model."""
    width: int
    """Width of an image in pixels."""
    height: int
    """Height of an image in pixels."""
    aspect_ratio: str | None = None
    """Absent if the model has sizes instead."""
    price_usd: str
    """Per image."""


class PreferencesResponse(Answer):
    """All preferences of an owner. A `PUT` resets what it omits."""

    defaults: DefaultsResponse
    """Settings for new requests."""
    theme: Literal["light", "dark", "system"] = "system"
    """Colours of the web app. `system`: as the device."""
    analytics_opt_out: bool = False
    """Keep the owner out of analytics: count new requests only in totals that name no owner, and archive their events without the owner."""


class Price(Answer):
    """The price of a request in US dollars."""

    per_image_usd: str
    """With the requested model."""
    total_max_usd: str
    """For all images, with the most expensive model that may serve the request."""


class Range(Answer):
    """Inclusive bounds of a number, and its default."""

    min: float
    """Lowest value."""
    max: float
    """Highest value."""
    default: float
    """Value of requests without the parameter."""


class Reason(Answer):
    """The reason why a request has no images, or why it is stalled."""

    code: str
    """A stable code of the reason, for programs."""
    category: str | None = None
    """A category of the content policy, if one was violated."""
    field: str | None = None
    """The parameter, image or step that is concerned."""
    detail: str
    """An explanation, for people."""


class RemovedImageView(Answer):
    """An image that was requested but is not delivered."""

    index: int
    """Number of the image within its request, from 0."""
    reason: str
    """A stable code of the reason, for programs."""


class RequestParameters(Answer):
    """The parameters of an accepted request, with the models that may serve it."""

    prompt: str
    """What the images show."""
    negative_prompt: str | None = None
    """What the images must not show."""
    style: str | None = None
    """Name of the style."""
    quality: Literal["standard", "premium"]
    """`premium` costs more."""
    count: int
    """Number of images."""
    steps: int | None = None
    """Number of diffusion steps."""
    guidance: float | None = None
    """How closely the images follow the prompt."""
    output_format: Literal["png", "jpeg", "webp"] | None = None
    """The format of the original files. Absent: PNG."""
    output_compression: int | None = None
    """The quality of a JPEG or WebP original, from 0 to 100."""
    seed: int
    """Seed of the first image; each further image adds 1."""
    models: list[str]
    """Keys of the models, in the order in which they are tried."""
    width: int
    """Width of the images in pixels, if the first model generates them."""
    height: int
    """Height of the images in pixels, if the first model generates them."""


class SelfLink(Answer):
    """A URL relative to the API."""

    self: str
    """The resource."""


class ShareView(Answer):
    """A valid share link."""

    id: str
    """Id of the share link. It is not its token."""
    created_at: AwareDatetime
    """When it was created."""
    expires_at: AwareDatetime
    """When it expires."""
    links: SelfLink
    """The share link as a resource. It does not contain the token."""


class SizeRule(Answer):
    """Limits of a model that takes any size, in pixels. `ratio_max` 4 means 1:4 to 4:1."""

    side_min: int
    """Shortest side."""
    side_max: int
    """Longest side."""
    multiple_of: int
    """Every side must be a multiple of this."""
    ratio_max: float
    """Ratio of the longer side to the shorter one."""
    pixels_max: int
    """Width times height."""


class StartedErasure(Answer):
    """An erasure that has started. Only this response contains the token of its receipt."""

    id: str
    """Id of the erasure."""
    status: Literal["running", "completed"]
    """The status when the response was sent."""
    receipt_token: str
    """Reads the receipt, in the header `x-receipt-token`: your API keys stop working within a minute. Keep it."""
    links: ErasureLinks
    """Related resources."""


Status = TypeAliasType(
    "Status",
    Literal[
        "accepted",
        "generating",
        "checking",
        "storing",
        "stalled",
        "succeeded",
        "rejected",
        "failed",
        "cancelled",
        "expired",
    ],
)
"""The status of a request."""


class StatusData(Answer):
    """A change of a request's status."""

    request_id: str
    """Id of the request."""
    sequence: int
    """Number of the change, from 1 without gaps. After a gap, read the request."""
    status: Status
    """The new status."""
    previous: Status
    """The status before the change."""


class Ticket(Answer):
    """Permission to open one WebSocket."""

    url: str
    """URL of the WebSocket with the ticket. It can be opened once."""
    expires_at: AwareDatetime
    """When the ticket expires."""


class TimelineEntryView(Answer):
    """One event of the timeline."""

    event: str
    """Name of the event. New names may be added."""
    event_id: str
    """Id of the event."""
    at: AwareDatetime
    """When it occurred."""
    note: str | None = None
    """Details of the event, for people."""
    policy_version: str | None = None
    """Version of the moderation policy, for a decision of moderation."""


class WebhookView(Answer):
    """A webhook without its secret, which is shown only once."""

    webhook_id: str
    """Id of the webhook."""
    url: str
    """The URL that is called."""
    description: str
    """Purpose of the webhook."""
    statuses: list[
        Literal[
            "generating", "checking", "storing", "stalled", "succeeded", "rejected", "failed", "cancelled", "expired"
        ]
    ]
    """Statuses of which it is notified."""
    requests: Literal["all", "named"]
    """`named`: only requests with its `webhook_id`."""
    created_at: AwareDatetime
    """When it was created."""
    previous_until: AwareDatetime | None = None
    """Until when messages are also signed with the secret before the last rotation."""
    disabled_at: AwareDatetime | None = None
    """When the URL returned 410. The webhook is no longer called; create a new one to resume."""


class WebhookWithSecret(Answer):
    """A webhook with its new secret, which is shown only this once."""

    webhook_id: str
    """Id of the webhook."""
    url: str
    """The URL that is called."""
    description: str
    """Purpose of the webhook."""
    statuses: list[
        Literal[
            "generating", "checking", "storing", "stalled", "succeeded", "rejected", "failed", "cancelled", "expired"
        ]
    ]
    """Statuses of which it is notified."""
    requests: Literal["all", "named"]
    """`named`: only requests with its `webhook_id`."""
    created_at: AwareDatetime
    """When it was created."""
    previous_until: AwareDatetime | None = None
    """Until when messages are also signed with the secret before the last rotation."""
    disabled_at: AwareDatetime | None = None
    """When the URL returned 410. The webhook is no longer called; create a new one to resume."""
    secret: str
    """Secret for a Standard Webhooks library."""


class AcceptedView(Answer):
    """An accepted request."""

    id: str
    """Id of the request."""
    status: Status
    """The status when the response was sent."""
    links: Links
    """Related resources."""
    estimated_seconds: int | None = None
    """Until it succeeds, from the durations of recent requests. Absent if there are none."""


class AppealAnnounced(Answer):
    """An appeal of yours was decided. Delivered at least once."""

    type: Literal["appeal.decided"]
    """Identifies this kind of message."""
    id: str
    """The same in every delivery."""
    timestamp: AwareDatetime
    """When it was decided."""
    data: DecisionData
    """The decision."""


class Check(Answer):
    """Whether images may be generated for a prompt. `category` and `field` are present if they may not."""

    allowed: bool
    """Whether images may be generated."""
    layer: str
    """The layer that decided, which is the last one that screened the prompt."""
    category: str | None = None
    """A category of the policy, or `unclassified` if the layer did not name one."""
    field: Literal["prompt", "negative_prompt"] | None = None
    """The text that is not allowed."""
    hit: KeywordHit | None = None
    """Absent if the keyword filter found nothing."""
    policy_version: str
    """Version of the moderation policy: its name and a digest of its content, and the guardrail, if there is one."""


class CreatedShare(Answer):
    """A new share link. Only this response contains its URL."""

    id: str
    """Id of the share link. It is not its token."""
    created_at: AwareDatetime
    """When it was created."""
    expires_at: AwareDatetime
    """When it expires."""
    links: SelfLink
    """The share link as a resource. It does not contain the token."""
    url: str
    """Relative to the API. Everyone with this URL can see the image."""


class DailyReport(Answer):
    """Counters of every day of the period, and their total."""

    days: list[DayNumbers]
    """One entry per day, oldest first."""
    total: Numbers
    """The sums of all days."""


class DeliveryList(Answer):
    """A page of deliveries, newest first. They are kept for 30 days."""

    deliveries: list[DeliveryView]
    """The deliveries of this page."""
    next_cursor: str | None = None
    """The `cursor` of the next page. Absent on the last page."""


class DryRunView(Answer):
    """The result of a dry run."""

    request: DryRunParameters
    """The parameters of the request."""
    models: list[PlannedModel]
    """In the order in which they are tried."""
    price: Price
    """What the request would cost."""
    estimated_seconds: int | None = None
    """Until it would succeed, from the durations of recent requests. Absent if there are none."""


class ExportAnnounced(Answer):
    """An export of everything that belongs to you is ready. Delivered at least once."""

    type: Literal["export.ready"]
    """Identifies this kind of message."""
    id: str
    """The same in every delivery."""
    timestamp: AwareDatetime
    """When the export became ready."""
    data: ExportData
    """The export."""


class ExportList(Answer):
    """The exports of an owner that have not expired, newest first."""

    exports: list[ExportSummary]
    """The exports."""


class ImageSummary(Answer):
    """An image in a list."""

    id: str
    """Id of the image."""
    created_at: AwareDatetime
    """When it was stored."""
    model: str
    """Key of the model that generated it."""
    style: str | None = None
    """The style of its request. Absent if there was none."""
    favourite: bool
    """Whether it is marked as a favourite."""
    caption: str
    """The beginning of the prompt."""
    width: int
    """Width of the original in pixels."""
    height: int
    """Height of the original in pixels."""
    placeholder: str
    """BlurHash."""
    display_url: str
    """URL of a smaller file for screens. Valid for 15 minutes."""
    thumbnail_url: str
    """URL of the smallest file. Valid for 15 minutes."""
    sized_url: str | None = None
    """URL of the image in a width of your choice: replace `{width}` with 320, 640, 960, 1280 or 1920. AVIF, WebP or JPEG, as `Accept` says. Valid for 15 minutes, and for this image only. Absent if the installation has no CDN."""
    links: SelfLink
    """Related resources."""


class KeyList(Answer):
    """A page of keys, newest first."""

    keys: list[KeyView]
    """The keys of this page."""
    next_cursor: str | None = None
    """The `cursor` of the next page. Absent on the last page."""


class Limits(Answer):
    """The limits of a model. Lengths in characters."""

    prompt_max: int
    """Maximum length of a prompt."""
    negative_prompt_max: int
    """Maximum length of a negative prompt. 0: the model has none."""
    seed_max: int
    """Highest seed."""
    steps: Range | None = None
    """Absent if the model does not have this parameter."""
    guidance: Range | None = None
    """Absent if the model does not have this parameter."""


class ModelCard(Answer):
    """A model with its card: provider, terms, known limits and safety layers."""

    key: str
    """The name of the model in requests."""
    name: str
    """Name of the model, for people."""
    default: bool
    """Whether it serves requests that name no model."""
    lifecycle: Literal["active", "legacy", "end_of_life"]
    """`legacy`: its end of life is known. `end_of_life`: a successor serves its requests."""
    end_of_life: date | None = None
    """The first day on which Bedrock no longer serves the model, if it is known."""
    successor: str | None = None
    """Key of the model that serves its requests from that day on."""
    price_usd: dict[str, Any]
    """Per image, by quality."""
    sizes: list[str]
    """`WIDTHxHEIGHT`; the first is the default. If there is a `size_rule`, these are suggestions."""
    size_rule: SizeRule | None = None
    """Present if the model takes any size within these limits."""
    aspect_ratios: dict[str, Any]
    """If the model takes aspect ratios instead of sizes: ratio to the size of the image. The first is the default."""
    styles: list[str]
    """Names of the styles that it supports."""
    limits: Limits
    """Limits of its parameters."""
    estimated_seconds: int | None = None
    """Until a request with one image succeeds, from the durations of recent requests. Absent if there are none."""
    provider: str
    """Who made the model. `Custom model`: the operator of this installation added it."""
    terms_url: str | None = None
    """Address of the licence or the terms of use. Absent for a custom model."""
    regions: list[str]
    """AWS Regions in which the model may run. Empty: the Region of the installation."""
    safety_layers: list[Literal["text_rules", "keywords", "claude", "guardrail", "model_filter", "rekognition"]]
    """The checks of a request for this model, in their order. `model_filter` is the provider's own."""
    known_limits: list[str]
    """What the model does not do well, for people."""
    facts: list[FactView]
    """Further facts, each with its source."""


class ModelView(Answer):
    """A model: its limits, prices and lifecycle."""

    key: str
    """The name of the model in requests."""
    name: str
    """Name of the model, for people."""
    default: bool
    """Whether it serves requests that name no model."""
    lifecycle: Literal["active", "legacy", "end_of_life"]
    """`legacy`: its end of life is known. `end_of_life`: a successor serves its requests."""
    end_of_life: date | None = None
    """The first day on which Bedrock no longer serves the model, if it is known."""
    successor: str | None = None
    """Key of the model that serves its requests from that day on."""
    price_usd: dict[str, Any]
    """Per image, by quality."""
    sizes: list[str]
    """`WIDTHxHEIGHT`; the first is the default. If there is a `size_rule`, these are suggestions."""
    size_rule: SizeRule | None = None
    """Present if the model takes any size within these limits."""
    aspect_ratios: dict[str, Any]
    """If the model takes aspect ratios instead of sizes: ratio to the size of the image. The first is the default."""
    styles: list[str]
    """Names of the styles that it supports."""
    limits: Limits
    """Limits of its parameters."""
    estimated_seconds: int | None = None
    """Until a request with one image succeeds, from the durations of recent requests. Absent if there are none."""


class RequestSummary(Answer):
    """A request in a list."""

    id: str
    """Id of the request."""
    status: Status
    """The current status."""
    created_at: AwareDatetime
    """When it was accepted."""
    links: Links
    """Related resources."""


class RequestView(Answer):
    """A request: its parameters, status, timeline and images."""

    id: str
    """Id of the request."""
    status: Status
    """The current status."""
    created_at: AwareDatetime
    """When it was accepted."""
    request: RequestParameters
    """The parameters of the request."""
    reason: Reason | None = None
    """Why it has no images, or why it is stalled. Absent otherwise."""
    billed: Literal["true", "false", "unknown"] | None = None
    """Whether images of a cancelled or expired request were paid for. A model call that was running is paid."""
    images: Annotated[list[Image], Field(validate_default=True)] = []
    """The finished images, also the deleted ones."""
    removed: Annotated[list[RemovedImageView], Field(validate_default=True)] = []
    """Images that were requested but are not delivered."""
    timeline: list[TimelineEntryView]
    """What happened to the request, oldest first."""
    links: Links
    """Related resources."""


class ShareList(Answer):
    """The valid share links of an image, newest first."""

    shares: list[ShareView]
    """The share links."""


class StatusChanged(Answer):
    """The status of a request changed. Delivered at least once and in any order: use `sequence`."""

    type: Literal["request.status_changed"]
    """Identifies this kind of message."""
    id: str
    """The same in every delivery."""
    timestamp: AwareDatetime
    """When the status changed."""
    data: StatusData
    """The change."""


class WebhookList(Answer):
    """All webhooks of an owner, oldest first."""

    webhooks: list[WebhookView]
    """The webhooks."""


class ImagePage(Answer):
    """A page of images, newest first."""

    images: list[ImageSummary]
    """A page of a search may have fewer images than `limit`, or none, and still not be the last page."""
    next_cursor: str | None = None
    """The `cursor` of the next page. Absent on the last page."""


class ModelList(Answer):
    """All models."""

    models: list[ModelView]
    """Every model of the catalog."""
    object: Literal["list"] = "list"
    """For OpenAI's clients with the base path `/v1`: the kind of this object."""
    data: list[OpenAIModel]
    """For OpenAI's clients with the base path `/v1`: the models that are served, as in `GET /openai/v1/models`."""


class RequestList(Answer):
    """A page of requests, newest first."""

    requests: list[RequestSummary]
    """The requests of this page."""
    next_cursor: str | None = None
    """For the next page. A page may be short or empty although there is one. Absent on the last page."""
