"""Parquet files, written and read with DuckDB, which is in a layer of its own."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from services.analytics.columns import COLUMNS, row_of

FETCHED: Final = 1000
"""Rows that are read at once."""
ROW_GROUP: Final = 50_000
"""Rows that DuckDB keeps in memory before it writes them."""
ABSENT: Final = """
    SELECT * FROM staged WHERE event_id NOT IN (SELECT event_id FROM known)
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY occurred_at, line) = 1
    ORDER BY request_id, occurred_at, event_id
"""
"""The staged rows that are not known, each event once. A file is smaller if the events of a request are together."""
TWICE: Final = "SELECT count(*) - count(DISTINCT event_id) FROM known"
MISSING: Final = "SELECT count(*) FROM staged WHERE event_id NOT IN (SELECT event_id FROM known)"
CHANGED: Final = "SELECT count(*) FROM (SELECT event_id, line FROM added EXCEPT SELECT event_id, line FROM staged)"


class QueryError(Exception):
    """DuckDB refuses a query. The text says why."""


class Parquet:
    """Reads and writes files. Implements the ``Tables`` of compaction."""

    def __init__(self, folder: Path, memory: str = "1GB") -> None:
        """``memory`` is the limit from which DuckDB uses files in ``folder`` instead."""
        import duckdb  # noqa: PLC0415 - half a second, which most commands of the operators do not need

        config: Any = {
            "memory_limit": memory,
            "temp_directory": str(folder),
            "autoinstall_known_extensions": "false",  # nothing is downloaded
            "TimeZone": "UTC",
        }
        self._connection = duckdb.connect(config=config)

    def stage(self, lines: Iterable[str], target: Path) -> None:
        """Write the rows of ``lines`` into a file, for ``write`` and ``verify``."""
        with target.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(row_of(line)) + "\n")

    def write(self, staged: Path, known: Sequence[Path], target: Path) -> int:
        """Write the staged rows that no file of ``known`` has, each event once. Return their number.

        The earliest copy of an event is kept.
        """
        self._name_staged(staged)
        self._name("known", known)
        self._connection.sql(ABSENT).write_parquet(str(target), compression="zstd", row_group_size=ROW_GROUP)
        self._name("added", [target])
        return self._number("SELECT count(*) FROM added")

    def verify(self, staged: Path, files: Sequence[Path], added: Path | None, rows: int) -> str:
        """Return what is wrong with the ``files`` of a day as they are stored; empty if nothing is.

        ``added`` is the file with the ``rows`` that ``write`` took from ``staged``.
        """
        self._name_staged(staged)
        self._name("known", files)
        if self._number(TWICE):
            return "an event is in two rows"
        if self._number(MISSING):
            return "an event is in no row"
        if added is None:
            return ""
        self._name("added", [added])
        if self._number("SELECT count(*) FROM added") != rows:
            return "the file has another number of rows"
        return "a line has changed" if self._number(CHANGED) else ""

    def lines(self, file: Path) -> Iterator[str]:
        """Yield the lines of a file."""
        found = self._connection.cursor().execute("SELECT line FROM read_parquet(?)", [str(file)])
        while rows := found.fetchmany(FETCHED):
            yield from (line for (line,) in rows)

    def query(self, sql: str, parameters: Sequence[str], days: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return columns and rows of a query. Raises ``QueryError``.

        It finds the files below ``days``, in folders such as ``day=2026-11-22``, as the table ``events``. It can read
        no other file, and neither can later queries.
        """
        import duckdb  # noqa: PLC0415 - see above

        nothing = days / "day=0001-01-01" / "nothing.parquet"  # a table of no files would have no columns
        nothing.parent.mkdir(parents=True)
        self.stage([], days / "nothing.jsonl")
        self.write(days / "nothing.jsonl", [], nothing)
        files = [str(file) for file in sorted(days.glob("*/*.parquet"))]
        rows = self._connection.read_parquet(files, hive_partitioning=True)
        rows.select("* REPLACE (CAST(day AS VARCHAR) AS day)").create_view("events")
        self._connection.execute("SET allowed_paths = ?", [files])
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        try:
            found = self._connection.execute(sql, list(parameters))
            return [name for name, *_ in found.description or []], found.fetchall()
        except duckdb.Error as error:
            raise QueryError(str(error)) from error

    def _name_staged(self, file: Path) -> None:
        rows = self._connection.read_json(str(file), format="newline_delimited", columns=dict(COLUMNS))
        rows.create_view("staged", replace=True)

    def _name(self, name: str, files: Sequence[Path]) -> None:
        """Let queries find ``files`` as the table ``name``."""
        if files:
            rows = self._connection.read_parquet([str(file) for file in files], hive_partitioning=False)
        else:
            rows = self._connection.sql("SELECT event_id, line FROM staged WHERE false")
        rows.create_view(name, replace=True)

    def _number(self, query: str) -> int:
        [(number,)] = self._connection.execute(query).fetchall()
        return int(number)
