"""The commands that documents and workflows name, compared with those that exist."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

import click

from cli.__main__ import cli
from tests.support.templates import ROOT

TARGETS: Final = frozenset(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OPS: Final = re.compile(r'\bmake (ops|dlq|keys) (?:[A-Z]+=\S+ )*ARGS="([^"]+)"')
"""A call of the operators' command line."""
VALUE: Final = "value"
PLACEHOLDER: Final = re.compile(r"\$\([^)]*\)|\$\w+|<[^>]*>|…")


def make_targets(text: str) -> set[str]:
    """Return the targets of make that ``text`` names."""
    return set(re.findall(r"\bmake (?:[A-Z]+=\S+ )*([a-z][a-z-]*)", text))


def operators_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every call of the operators' command line in ``text``."""
    for target, arguments in OPS.findall(text):
        words = shlex.split(PLACEHOLDER.sub(VALUE, arguments))
        yield words if target == "ops" else [target, *words]


def unknown_word(words: list[str]) -> str | None:
    """Return the first command or option in ``words`` that does not exist, or None."""
    command: click.Command = cli
    options = {"--help"}
    for word in words:
        if word.startswith("--"):
            if word.partition("=")[0] not in options | {name for option in command.params for name in option.opts}:
                return word
        elif isinstance(command, click.Group) and word != VALUE:
            if word not in command.commands:
                return word
            command = command.commands[word]
    return None
