"""One adapter a wire family: how a model is asked, and how its answer is read. Pure, no I/O."""

from typing import Final

from services.generation.families.answers import Drawn, Family
from services.generation.families.sdxl import SDXL
from services.generation.families.stability import STABILITY
from services.generation.families.titan import TITAN

__all__ = ["FAMILIES", "Drawn", "Family"]

FAMILIES: Final = {"sdxl": SDXL, "titan": TITAN, "nova": TITAN, "stability": STABILITY}
"""By ``Model.family`` of the catalog."""
