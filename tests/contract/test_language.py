"""Texts use the project's vocabulary: API, events, command line, templates, dashboards, metrics and make help."""

import json
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest

from cli.__main__ import cli
from kit.metrics import METRICS
from tests.support import templates
from tests.support.templates import ROOT

NOT_USED = {
    r"pictures?|frames?": "image",
    r"draws?|drawn|drawings?|paint(s|ed|ing)?": "generate",
    r"tells?|told|hears?|heard": "publish, notify, return",
    r"tak(e|es|en|ing) back": "cancel",
    r"endings?|ended|is over": "terminal status",
    r"happenings?": "event, timeline entry",
    r"catalogues?": "catalog",
    r"mend(s|ed|ing)?": "repair, fix",
    r"giv(e|es|en|ing) back": "refund",
    r"desks?": "operator session",
    r"shelf|shelves|put aside": "quarantine",
    r"in hand|let go": "reserve, release",
    r"guards?": "lease, ledger",
    r"bury|buried": "tombstone",
    r"postpone[sd]?": "change visibility",
    r"patience": "timeout",
    r"unwell": "unhealthy",
    r"weather|saboteurs?": "fault injector",
    r"giv(e|es|en|ing) up|gave up": "abandon, discard, expire",
    r"somebody|nobody|whoever": "who it is",
    r"who prefers|what is told": "a noun",
    r"a image": "an image",
}
"""Words that are not used → the words to use instead."""
ALLOWED = re.compile(
    r"model[- ]ends|ended models?|has ended|models? (that )?ended|ends? soon|\bended\b[^.]{0,40}\bmodel", re.I
)
"""The end of a model's life is the field's term."""


def api_texts() -> Iterator[tuple[str, str]]:
    """Yield place and text of every description in the OpenAPI document."""
    yield from json_texts(json.loads((ROOT / "docs/openapi.json").read_text()), "openapi")


def json_texts(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of every title, summary, description and text panel in a JSON document."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in {"content", "description", "summary", "title"} and isinstance(value, str):
                yield f"{place}/{name}", value
            elif name not in {"example", "examples"}:
                yield from json_texts(value, f"{place}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from json_texts(value, f"{place}/{index}")


def event_and_dashboard_texts() -> Iterator[tuple[str, str]]:
    """Yield place and text of every event schema, the AsyncAPI document and every dashboard."""
    for pattern in ("events/schemas/*.json", "docs/asyncapi.json", "docs/grafana/*.json"):
        for path in sorted(ROOT.glob(pattern)):
            yield from json_texts(json.loads(path.read_text()), path.name)


def command_texts(command: click.Command = cli, path: str = "cli") -> Iterator[tuple[str, str]]:
    """Yield place and help of every command and option."""
    yield path, command.help or ""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield f"{path} {parameter.opts[0]}", parameter.help or ""
    for name, inner in getattr(command, "commands", {}).items():
        yield from command_texts(inner, f"{path} {name}")


def other_texts() -> Iterator[tuple[str, str]]:
    """Yield descriptions of templates and metrics, and the help of make."""
    for name, template in [
        ("root", templates.root_template()),
        *((s, templates.service_template(s)) for s in templates.services()),
    ]:
        yield f"{name} template", template.get("Description", "")
        for parameter, body in template["Parameters"].items():
            yield f"{name} parameter {parameter}", body.get("Description", "")
        for resource, body in template["Resources"].items():
            for key in ("Description", "AlarmDescription"):
                for text in templates.flat(body.get("Properties", {}).get(key, "")):
                    yield f"{name} {resource}", text.partition(" ${RunbookUrl}")[0]
    for metric in METRICS:
        yield f"metric {metric.name}", metric.description
    for line in (ROOT / "Makefile").read_text().splitlines():
        if help_text := re.match(r"([a-z-]+):.*## (.*)", line):
            yield f"make {help_text[1]}", help_text[2]


@pytest.mark.parametrize("texts", [api_texts, event_and_dashboard_texts, command_texts, other_texts])
def test_texts_use_the_vocabulary(texts: Any) -> None:
    wrong = [
        f"{place}: {text!r} (use {instead})"
        for place, text in texts()
        for word, instead in NOT_USED.items()
        if re.search(rf"\b({word})\b", ALLOWED.sub("", text), re.IGNORECASE)
    ]

    assert wrong == []
