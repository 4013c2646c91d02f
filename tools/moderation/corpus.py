"""Measures moderation with the corpus: precision and recall for each language, kind and category.

    make moderation

The corpus is in `tests/unit/moderation/corpus`, one file per language. Its sections are `## kind: allow` or
`## kind: reject category layer`, followed by prompts: `keywords` has to block alone, `claude` gets a hint from it. The
stand-in for Claude judges English by its words: its numbers show the chain, not the quality of the model.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from local.bedrock.policy import judge
from services.moderation.keywords import KeywordFilter
from services.moderation.policy import load_policy

CORPUS: Final = Path(__file__).parents[2] / "tests/unit/moderation/corpus"


@dataclass(frozen=True)
class Line:
    """A prompt of the corpus and what has to happen to it."""

    language: str
    kind: str
    prompt: str
    category: str | None = None
    """None: it is allowed."""
    layer: str | None = None
    """Which layer has to reject it: ``keywords`` or ``claude``."""


@dataclass
class Counts:
    """How many prompts were found, and how many should have been."""

    found: int = 0
    found_rightly: int = 0
    expected: int = 0

    def add(self, line: Line, *, found: bool) -> None:
        """Count one line."""
        self.found += found
        self.expected += line.category is not None
        self.found_rightly += found and line.category is not None

    def row(self) -> list[str]:
        """Return precision and recall in percent. Of innocent prompts, return how many were found."""
        if not self.expected:
            return [f"{self.found} wrong", ""]
        shares = [self.found_rightly / total if total else None for total in (self.found, self.expected)]
        return ["" if share is None else f"{share:.0%}".replace("%", " %") for share in shares]


def read_corpus() -> Iterator[Line]:
    """Yield every line of every language."""
    for file in sorted(CORPUS.glob("*.txt")):
        kind, expectation = "", list[str]()
        for text in file.read_text(encoding="utf-8").splitlines():
            if text.startswith("## "):
                kind, expected = text.removeprefix("## ").split(": ")
                expectation = expected.split(" ")
            else:
                category, layer = expectation[1:] or (None, None)
                yield Line(file.stem, kind, text, category, layer)


def main() -> None:
    """Print a table by language, one by kind, and one by category."""
    keywords = KeywordFilter(load_policy())
    lines = list(read_corpus())
    hits = {line: keywords.find({"prompt": line.prompt}) for line in lines}

    def blocks(line: Line) -> bool:
        hit = hits[line]
        return hit is not None and hit.strength == "block"

    by_layer: list[Callable[[Line], bool]] = [
        blocks,
        lambda line: hits[line] is not None,
        lambda line: blocks(line) or judge(line.prompt) != "none",
    ]
    console = Console(width=None if sys.stdout.isatty() else 100)
    for attribute in ("language", "kind", "category"):
        table = Table(attribute, "prompts", *("precision", "recall") * 3)
        table.title = "keywords, block · keywords, block and review · both layers, with the stand-in"

        def key(line: Line, attribute: str = attribute) -> str:
            return str(getattr(line, attribute) or "none")

        groups = [(name, list(group)) for name, group in groupby(sorted(lines, key=key), key)]
        for name, group in [*groups, ("all", lines)]:
            cells = []
            for found in by_layer:
                counts = Counts()
                for line in group:
                    counts.add(line, found=found(line))
                cells += counts.row()
            table.add_row(name, str(len(group)), *cells)
        console.print(table)
