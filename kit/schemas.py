"""Base classes of request and response bodies and of query parameters."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema


class Schema(BaseModel):
    """A response body, or a part of one. Built on first use, so that a cold start pays only for the models it needs."""

    # An error names the field and the rule. It never quotes the value, which may be a prompt or a key.
    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True)


class Input(Schema):
    """Values from a caller. An empty optional text is absent: forms and settings of other tools send it so."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_texts(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or "" not in values.values():
            return values
        optional = set(cls._optional_texts())
        return {name: value for name, value in values.items() if value != "" or name not in optional}

    @classmethod
    def _optional_texts(cls) -> Iterator[str]:
        for name, field in cls.model_fields.items():
            if not field.is_required() and _is_text(field.annotation):
                yield field.alias or name

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Let the patterns and choices of optional texts accept the empty text."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name in cls._optional_texts():
            for part in (properties[name], *properties[name].get("anyOf", ())):
                if "pattern" in part:
                    part["pattern"] = f"^(?:{part['pattern'].removeprefix('^').removesuffix('$')})?$"
                if "enum" in part:
                    part["enum"] = [*part["enum"], ""]
        return schema


def _is_text(annotation: Any) -> bool:
    if get_origin(annotation) in {Union, UnionType}:
        return any(_is_text(part) for part in get_args(annotation))
    return annotation is str or (get_origin(annotation) is Annotated and get_args(annotation)[0] is str)


class RequestBody(Input):
    """A request body: unknown fields and values of another type are errors that name the field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class QueryParameters(Input):
    """Query parameters: unknown names are errors; numbers are parsed from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
