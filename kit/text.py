"""A type for text that people write."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can encode half of a surrogate pair
        raise ValueError("must be valid Unicode") from error
    if "\ufffd" in value:  # a gateway replaces invalid UTF-8 by it
        raise ValueError("must be UTF-8 text")
    if _CONTROL.search(value):
        raise ValueError("must not contain control characters")
    return value


Text = Annotated[str, AfterValidator(_text)]
"""Text that is not blank, is valid Unicode and has no control characters."""
