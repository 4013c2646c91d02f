"""What a picture is asked to be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Brief:
    """One picture's order: the words, the style parameter if the model has one, pixels and seed."""

    prompt: str
    negative: str = ""
    style: str = ""
    width: int = 1024
    height: int = 1024
    seed: int = 0
    format: str = "png"
