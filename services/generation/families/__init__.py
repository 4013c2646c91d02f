"""One module per model family: its request body, and the image in its response. Pure, no I/O."""

from typing import Final

from services.generation.families.base import Family, ModelImage
from services.generation.families.sdxl import SDXL
from services.generation.families.stability import STABILITY
from services.generation.families.titan import TITAN

__all__ = ["FAMILIES", "Family", "ModelImage"]

FAMILIES: Final = {"sdxl": SDXL, "titan": TITAN, "nova": TITAN, "stability": STABILITY}
"""By the catalog's ``Model.family``."""
