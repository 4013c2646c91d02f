"""Terminal output: tables for people, JSON for scripts."""

import json
import sys
from datetime import UTC, datetime
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
    """Return the time since ``since`` in two units, such as ``3d 4h`` or ``12m 5s``."""
    seconds = max(0, int((datetime.now(UTC) - since).total_seconds()))
    units = [("d", seconds // 86_400), ("h", seconds // 3_600 % 24), ("m", seconds // 60 % 60), ("s", seconds % 60)]
    first = next((at for at, (_, count) in enumerate(units) if count), 3)
    return " ".join(f"{count}{unit}" for unit, count in units[first : first + 2])


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
