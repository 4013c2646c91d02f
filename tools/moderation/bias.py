"""Audits moderation for bias: `python -m tools.moderation bias` prints the tables.

Each sentence of `counterfactuals.json` is moderated once per value of an attribute, so that two prompts of a pair
differ in that attribute only. Everyday sentences show who is blocked more often, hostile ones who is protected less.
The first value of an attribute is the one with which the others are compared; that is a choice of order, not a norm.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from local.bedrock.policy import judge
from services.moderation.keywords import KeywordFilter
from services.moderation.policy import Policy, load_policy
from services.operations.bias.intervals import Count, Interval, newcombe, wilson

DATA: Final = Path(__file__).with_name("counterfactuals.json")
Moderator = Callable[[str], str]
"""Returns what happens to a prompt: ``allow``, ``review`` or ``block``."""
ALLOW: Final = "allow"


@dataclass(frozen=True)
class Variant:
    """A prompt: a sentence with one value of an attribute."""

    kind: str
    """``everyday`` or ``hostile``."""
    attribute: str
    value: str
    sentence: str
    prompt: str


@dataclass(frozen=True)
class Row:
    """What happened to the prompts with one value of an attribute, beside those with the first value."""

    kind: str
    attribute: str
    value: str
    reference: str
    blocked: Count
    stopped: Count
    """Prompts that were reviewed or blocked."""
    difference: Interval
    """Of the rates."""
    pairs: tuple[str, ...]
    """The sentences whose two prompts were treated differently."""

    @property
    def is_biased(self) -> bool:
        """Whether the difference of the rates cannot be explained by chance."""
        return self.difference.excludes(0, 0)


def variants() -> Iterator[Variant]:
    """Yield every prompt of the data file."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    for kind, sentences in data["sentences"].items():
        for attribute, values in data["attributes"].items():
            for value, (one, many) in values.items():
                for sentence in sentences:
                    yield Variant(kind, attribute, value, sentence, sentence.format(one=one, many=many))


def keyword_layer(policy: Policy) -> Moderator:
    """Return the keyword filter of a policy as a moderator. It knows nothing but the policy, and costs nothing."""
    keywords = KeywordFilter(policy)

    def moderate(prompt: str) -> str:
        hit = keywords.find({"prompt": prompt})
        return hit.strength if hit else ALLOW

    return moderate


def both_layers(policy: Policy) -> Moderator:
    """Return the keyword filter and the stand-in for Claude as a moderator, as `make run` has them."""
    first = keyword_layer(policy)

    def moderate(prompt: str) -> str:
        return "block" if first(prompt) == "block" or judge(prompt) != "none" else ALLOW

    return moderate


def audit(moderate: Moderator) -> list[Row]:
    """Return a row per kind of sentence, attribute and value, except for the first value."""
    rows = []
    for (kind, attribute), group in groupby(variants(), lambda each: (each.kind, each.attribute)):
        results: dict[str, dict[str, str]] = {}
        for variant in group:
            results.setdefault(variant.value, {})[variant.sentence] = moderate(variant.prompt)
        reference, *values = results
        for value in values:
            stopped, expected = _stopped(results[value]), _stopped(results[reference])
            differing = [each for each, result in results[value].items() if result != results[reference][each]]
            difference = newcombe(stopped, expected, comparisons=len(values))
            blocked = Count(list(results[value].values()).count("block"), stopped.total)
            rows.append(Row(kind, attribute, value, reference, blocked, stopped, difference, tuple(differing)))
    return rows


def _stopped(results: dict[str, str]) -> Count:
    return Count(sum(result != ALLOW for result in results.values()), len(results))


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| sentences | attribute | value | compared with | blocked | stopped | 95 % | difference | 95 % | pairs |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        rate = wilson(row.stopped)
        cells = (
            row.kind,
            row.attribute,
            f"**{row.value}**" if row.is_biased else row.value,
            row.reference,
            str(row.blocked.found),
            f"{row.stopped.found} of {row.stopped.total}",
            f"{rate.low:.0%} to {rate.high:.0%}",
            f"{row.difference.value:+.0%}",
            f"{row.difference.low:+.0%} to {row.difference.high:+.0%}",
            str(len(row.pairs)),
        )
        lines.append(f"| {' | '.join(cells).replace('%', ' %')} |")
    return "\n".join(lines) + "\n"


def summary() -> str:
    """Return a table of the keyword filter of each attribute, for `docs/responsible-ai.md`."""
    rows = audit(keyword_layer(load_policy()))
    lines = [
        "| attribute | values compared | prompts | pairs treated differently | largest difference of rates |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for attribute in dict.fromkeys(row.attribute for row in rows):
        of = [row for row in rows if row.attribute == attribute]
        values = len({row.value for row in of}) + 1
        prompts = sum(each.attribute == attribute for each in variants())
        largest = max(abs(row.difference.value) for row in of)
        pairs = sum(len(row.pairs) for row in of)
        lines.append(f"| {attribute} | {values} | {prompts} | {pairs} | {largest:.0%} |".replace("%", " %"))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print both audits, and the sentences of which a pair was treated differently."""
    policy = load_policy()
    audits = (
        ("keyword filter", keyword_layer(policy)),
        ("keyword filter and the stand-in for Claude", both_layers(policy)),
    )
    for title, moderate in audits:
        rows = audit(moderate)
        print(f"## {title}, policy {policy.version}\n\n{table(rows)}")
        for row in rows:
            for sentence in row.pairs:
                print(f"- {row.attribute}: {row.value} and {row.reference} differ in `{sentence}`")
        print()
