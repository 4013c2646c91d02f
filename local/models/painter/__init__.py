"""Paints a picture from words, deterministically."""

from __future__ import annotations

import io

from PIL import Image

from local.models.painter.brief import Brief


def paint(brief: Brief) -> bytes:
    """The finished picture's bytes."""
    out = io.BytesIO()
    Image.new("RGB", (brief.width, brief.height), "teal").save(out, brief.format)
    return out.getvalue()


__all__ = ["Brief", "paint"]
