"""Descriptions in JSON Schemas, from the docstrings of pydantic models and of their fields.

Pydantic can do this itself (`use_attribute_docstrings`), but it then reads the sources when a model is defined, also in
a Lambda function at cold start. Only the generated documents need the descriptions.
"""

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema


class DescribedSchema(GenerateJsonSchema):
    """JSON Schema with field docstrings as descriptions, and without titles that repeat the name of a field."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Omit titles that only repeat the name of the field."""
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """Return a model's schema with its fields described."""
        found = super().model_schema(schema)
        fields = schema["cls"].model_fields
        descriptions = {fields[name].alias or name: text for name, text in attribute_docstrings(schema["cls"]).items()}
        for name, part in found.get("properties", {}).items():
            if name in descriptions and "description" not in part:
                part["description"] = descriptions[name]
        if "description" in found:
            found["description"] = markdown(found["description"])
        return found


def attribute_docstrings(model: type) -> dict[str, str]:
    """Return the docstrings written below a model's fields, inherited ones included."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls is BaseModel:
            continue
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        except OSError:  # a class without a source file
            continue
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, below in pairwise(statements):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = markdown(text)
    return found


def markdown(docstring: str) -> str:
    """Return a docstring as one line of Markdown."""
    return " ".join(docstring.split()).replace("``", "`")
