"""The contract between the server and a model family."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.painter.brief import Brief

Answer = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """A family's wire shape.

    `read` checks every limit and returns one brief an image; `answer` takes the images that survived, which are
    fewer than the briefs when some outputs were blocked; `blocked_input` answers or raises for a blocked prompt.
    """

    read: Callable[[Mapping[str, Any]], tuple[Brief, ...]]
    answer: Callable[[Sequence[Brief], Sequence[bytes]], Answer]
    blocked_input: Callable[[Sequence[Brief]], Answer]


def encode(image: bytes) -> str:
    """Base64 as the models return it."""
    return base64.b64encode(image).decode("ascii")
