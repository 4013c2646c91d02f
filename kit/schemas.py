"""Base classes of request and response bodies and of query parameters."""

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """A response body, or a part of one. Built on first use, so that a cold start pays only for the models it needs."""

    model_config = ConfigDict(defer_build=True)


class RequestBody(Schema):
    """A request body: unknown fields and values of another type are errors that name the field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class QueryParameters(Schema):
    """Query parameters: unknown names are errors; numbers are parsed from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
