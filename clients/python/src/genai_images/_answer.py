"""The base of the generated models."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Something that the API returned. Fields that this version of the package does not know are kept."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True, hide_input_in_errors=True)
