"""Settings: environment variables, read once into a frozen model per function."""

import os
from typing import Self

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of a service's settings: the field ``table_name`` is the environment variable ``TABLE_NAME``.

    Pydantic builds a model on first use, because a function uses one of the several that its service has.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, hide_input_in_errors=True)

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises pydantic's ``ValidationError`` with every missing or malformed variable.
        """
        return cls.model_validate({name.lower(): value for name, value in os.environ.items()})


def valid_custom_models(text: str) -> str:
    """Return the parameter ``CustomModels``, or raise ``ValueError`` with a sentence that says what is not valid.

    A function with invalid custom models does not start. The catalog is imported only if there are some.
    """
    if text.strip():
        from events.model_catalog import ModelCatalog  # noqa: PLC0415 - a tenth of the cold start

        ModelCatalog.load(text)
    return text
