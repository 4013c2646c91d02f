"""Settings: environment variables, read once into a frozen model per function."""

import os
from typing import Self

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of a service's settings: the field ``table_name`` is the environment variable ``TABLE_NAME``."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises pydantic's ``ValidationError`` with every missing or malformed variable.
        """
        return cls.model_validate({name.lower(): value for name, value in os.environ.items()})
