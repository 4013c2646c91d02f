"""Cursors: opaque texts with which callers request the next page of a list."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field


def encode_cursor(position: str) -> str:
    """Return the cursor for the position at which a page ends."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Return the position in a cursor of `encode_cursor`. Raises ``ValueError`` for any other text."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise ValueError("must be the next_cursor of an earlier page") from error
    if not position or encode_cursor(position) != cursor:
        raise ValueError("must be the next_cursor of an earlier page")
    return position


Cursor = Annotated[str, Field(max_length=400), AfterValidator(decode_cursor)]
"""The query parameter ``cursor``, validated to the position."""
