"""The report of analytics as tables."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.console import console, new_table
from services.analytics.counters import Amounts
from services.analytics.rebuild import Difference
from services.analytics.report import STATUSES, Counts

SHOWN_DIFFERENCES = 40
SHOWN_ROWS = 200
CELL_MAX = 60
"""Characters of a text in a table."""


def report_tables(days: Mapping[str, Amounts]) -> Iterator[Table]:
    """Yield the tables of a report: days, then models, styles, results and steps of all days."""
    yield _days(days)
    total = Counts.total(days.values())
    yield _models(total)
    yield _labels("style", "style", total)
    yield _labels("rejection", "rejected for", total)
    yield _labels("failure", "failed for", total)
    yield _steps(total)


def difference_table(differences: list[Difference]) -> Table:
    """Return the first differences."""
    table = _table("day", "counter", "before", "after", text=2)
    for one in differences[:SHOWN_DIFFERENCES]:
        table.add_row(one.day, one.counter, str(one.before), str(one.after))
    return table


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print the first rows of a query, numbers to the right."""
    out = console()
    if not rows:
        out.print("No rows.")
        return
    numeric = [all(isinstance(row[at], int | float | Decimal | None) for row in rows) for at in range(len(columns))]
    table = new_table(*(f"#{name}" if is_number else name for name, is_number in zip(columns, numeric, strict=True)))
    for row in rows[:SHOWN_ROWS]:
        table.add_row(*map(_cell, row))
    out.print(table)
    if len(rows) > SHOWN_ROWS:
        out.print(f"{len(rows) - SHOWN_ROWS} more rows: --format csv prints all.")


def _cell(value: Any) -> Text:
    if value is None:
        return Text("")
    text = f"{value:,.1f}" if isinstance(value, float) else str(value)
    return Text(text if len(text) <= CELL_MAX else f"{text[: CELL_MAX - 1]}…")


def _table(*columns: str, text: int = 1) -> Table:
    table = Table(box=None, header_style="bold underline", pad_edge=False)
    for position, name in enumerate(columns):
        table.add_column(name, justify="left" if position < text else "right", no_wrap=position > 0 or text == 1)
    return table


def _days(days: Mapping[str, Amounts]) -> Table:
    table = _table("day", *STATUSES, "images", "USD")
    for day, amounts in days.items():
        table.add_row(day, *_day_cells(Counts(amounts)))
    if len(days) > 1:
        table.add_row("all", *_day_cells(Counts.total(days.values())))
    return table


def _day_cells(counts: Counts) -> list[str]:
    numbers = [counts.number(f"status#{status}") for status in STATUSES]
    return [*(str(number or "·") for number in numbers), str(counts.number("images#stored")), f"{counts.cost_usd:.2f}"]


def _models(total: Counts) -> Table:
    table = _table("model", "requests", "images", "USD")
    for name, use in total.models().items():
        table.add_row(name, str(use.requests), str(use.images), f"{use.cost_usd:.2f}")
    return table


def _labels(family: str, title: str, total: Counts) -> Table:
    table = _table(title, "requests")
    for label, number in total.labels(family).items():
        table.add_row(label, str(number))
    return table


def _steps(total: Counts) -> Table:
    table = _table("step", "count", "mean", "p50", "p95", "stalled", "replayed")
    for step in total.steps():
        taken = total.latency(step)
        times = () if taken is None else (taken.mean, taken.p50, taken.p95)
        table.add_row(
            step,
            str(taken.count) if taken else "·",
            *([f"{ms / 1000:.2f} s" for ms in times] or ["·"] * 3),
            str(total.number(f"step#{step}#stalled") or "·"),
            str(total.number(f"step#{step}#replayed") or "·"),
        )
    return table
