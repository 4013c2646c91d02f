"""The saved queries on the event lake, in the SQL that Athena and DuckDB have in common.

Each has the parameters first and last day, and reads the table ``events`` (``columns.py``). The first line says what it
shows.
"""

from pathlib import Path


def names() -> list[str]:
    """Return the names of the queries."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.sql"))


def text(name: str) -> str:
    """Return the SQL of a query."""
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


def about(name: str) -> str:
    """Return what a query shows."""
    return text(name).splitlines()[0].removeprefix("-- ")
