"""The contract between the server and a model family."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.painter.brief import Brief

Response = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """The wire format of a family.

    `read` checks every limit and returns one brief per image. `answer` builds the response for the images, which are
    fewer than the briefs if some were blocked. `blocked_input` returns the response for a blocked prompt, or raises.
    """

    read: Callable[[Mapping[str, Any]], tuple[Brief, ...]]
    answer: Callable[[Sequence[Brief], Sequence[bytes]], Response]
    blocked_input: Callable[[Sequence[Brief]], Response]


def encode(image: bytes) -> str:
    """Return base64, as the models do."""
    return base64.b64encode(image).decode("ascii")
