"""A client of the GenAI image generator's HTTP API: `Client` and `AsyncClient`."""

from genai_images._async.client import AsyncClient
from genai_images._async.generation import AsyncGeneratedImage, AsyncGeneration
from genai_images._sync.client import Client
from genai_images._sync.generation import GeneratedImage, Generation
from genai_images.errors import (
    ApiError,
    AuthenticationError,
    Cancelled,
    ConflictError,
    Expired,
    Failed,
    FieldError,
    ImagesError,
    InvalidRequestError,
    NoAnswerError,
    NotFoundError,
    NotGeneratedError,
    RateLimitedError,
    Rejected,
    TimedOut,
    UnavailableError,
    UnknownAnswerError,
    WebhookError,
)
from genai_images.webhooks import verify_webhook

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncGeneratedImage",
    "AsyncGeneration",
    "AuthenticationError",
    "Cancelled",
    "Client",
    "ConflictError",
    "Expired",
    "Failed",
    "FieldError",
    "GeneratedImage",
    "Generation",
    "ImagesError",
    "InvalidRequestError",
    "NoAnswerError",
    "NotFoundError",
    "NotGeneratedError",
    "RateLimitedError",
    "Rejected",
    "TimedOut",
    "UnavailableError",
    "UnknownAnswerError",
    "WebhookError",
    "verify_webhook",
]
