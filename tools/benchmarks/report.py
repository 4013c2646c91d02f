"""The results of a benchmark and their output."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Figure:
    """A measured value. With a ``floor``, the ``goal`` bounds their ratio; without one, the value."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    goal: float | None = None
    """None if the value has no goal."""

    @property
    def ratio(self) -> float | None:
        """The ratio of the value to its floor."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """Return whether the goal is met, or None without a goal."""
        if self.goal is None:
            return None
        return (self.value if self.ratio is None else self.ratio) <= self.goal


@dataclass
class Section:
    """The figures of one goal, with notes."""

    goal: int | None
    """None if no goal bounds them."""
    title: str
    floor: str
    """Description of the floor. Empty without one."""
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def show(section: Section, console: Console) -> None:
    """Print one table of at most 100 columns."""
    title = section.title if section.goal is None else f"Goal {section.goal}: {section.title}"
    table = Table(title=title, title_justify="left", title_style="bold", width=100)
    table.add_column("what", ratio=1, overflow="fold")
    for column in ("figure", "floor", "ratio", "goal"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for figure in section.figures:
        table.add_row(
            figure.name,
            _with_unit(figure.value, figure.unit),
            "" if figure.floor is None else _with_unit(figure.floor, figure.unit),
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            _goal(figure),
            _verdict(figure.met),
        )
    console.print(table)
    for record in [f"Floor: {section.floor}"] * bool(section.floor) + section.notes:
        console.print(f"  {record}", style="dim", highlight=False, markup=False)
    console.print()


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return f"≤ {figure.goal:.2f}" if figure.floor else f"≤ {_with_unit(figure.goal, figure.unit)}"


def _verdict(met: bool | None) -> Text:
    match met:
        case None:
            return Text("")
        case True:
            return Text("met", style="green")
        case _:
            return Text("not met", style="red")


def _with_unit(value: float, unit: str) -> str:
    if unit == "$":
        return f"${value:.4f}"
    digits = 0 if value >= 1000 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def save(sections: Sequence[Section], path: Path) -> None:
    """Write the results as JSON."""
    path.write_text(json.dumps([_as_data(section) for section in sections], indent=2, ensure_ascii=False) + "\n")


def _as_data(section: Section) -> dict[str, Any]:
    return {
        "goal": section.goal,
        "title": section.title,
        "floor": section.floor,
        "notes": section.notes,
        "figures": [
            {
                "name": figure.name,
                "value": figure.value,
                "unit": figure.unit,
                "floor": figure.floor,
                "ratio": figure.ratio,
                "goal": figure.goal,
                "met": figure.met,
            }
            for figure in section.figures
        ],
    }
