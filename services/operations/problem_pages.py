"""The page of a problem type: what it means, what to do, and an example. `type` in problem documents is its address."""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from typing import Final

from kit.problem_advice import ADVICE
from kit.problems import PROBLEM, PROBLEMS, TYPE_PATH

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9em}"
    "pre{overflow-x:auto;padding:1rem;border:1px solid #8886;border-radius:.5rem}"
)
_STYLE_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "public, max-age=3600",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'",
}


def example(code: str) -> dict[str, object]:
    """Return a problem document of a type, as a caller may get it."""
    status, title = PROBLEMS[code]
    detail = ADVICE[code].what_to_do.replace("`", "")
    document = {"type": TYPE_PATH + code, "status": status, "code": code, "title": title, "detail": detail}
    return {**document, "call_id": "VgYvFhbWIAMEPqA="}


def page(code: str) -> str:
    """Return the HTML page of a problem type. Raises ``KeyError`` for an unknown code."""
    (status, title), advice = PROBLEMS[code], ADVICE[code]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} ({code})</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>Status {status}, code <code>{code}</code></p>"
        f"<h2>What it means</h2><p>{_html(advice.meaning)}</p>"
        f"<h2>What to do</h2><p>{_html(advice.what_to_do)}</p>"
        f"<h2>Example</h2><p><code>{PROBLEM}</code></p><pre>{escape(json.dumps(example(code), indent=2))}</pre>"
        "</body></html>"
    )


def _html(text: str) -> str:
    """Return a text as HTML; what is in backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
