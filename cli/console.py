"""Terminal output: tables for people, JSON for scripts."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console, JustifyMethod
from rich.table import Table


def console() -> Console:
    """Return a console as wide as the terminal. In a pipe, lines are not wrapped below 200 columns."""
    return Console(width=None if is_terminal() else 200, highlight=False)


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def age(since: datetime) -> str:
    """Return the time since ``since``, written as ``duration`` does."""
    return duration(datetime.now(UTC) - since)


def duration(length: timedelta) -> str:
    """Return ``length`` in its largest unit and the next one, such as ``3 d 4 h``, ``1 h`` or ``12 min 5 s``."""
    seconds = max(0, int(length.total_seconds()))
    units = [("d", seconds // 86_400), ("h", seconds // 3_600 % 24), ("min", seconds // 60 % 60), ("s", seconds % 60)]
    largest = next((at for at, (_, count) in enumerate(units) if count), 3)
    shown = [f"{count} {unit}" for unit, count in units[largest : largest + 2] if count]
    return " ".join(shown) or "0 s"


def new_table(*columns: str) -> Table:
    """Return an empty table. Prefix ``#`` marks a column of numbers, ``=`` a column of ids that are never wrapped."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        justify: JustifyMethod = "right" if name.startswith("#") else "left"
        table.add_column(name.lstrip("#="), justify=justify, no_wrap=name.startswith("="), overflow="fold")
    return table


def print_json(value: Any) -> None:
    """Print ``value`` as one line of JSON."""
    click.echo(json.dumps(value))
