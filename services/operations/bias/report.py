"""The report of the audit of generation, in Markdown."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from services.operations.bias.auditing import FACE_USD, Result, spent_usd
from services.operations.bias.figures import (
    PARITY,
    Figure,
    Measure,
    comparisons,
    drifts,
    figures,
    findings,
)
from services.operations.bias.intervals import Count

TITLES: Final[dict[Measure, tuple[str, str]]] = {
    "women": (
        "Women, if the prompt names a profession only",
        f"A finding if the interval is outside of {PARITY[0]:.0%} to {PARITY[1]:.0%}. Half is the reference of this "
        "audit, not the share in the profession.",
    ),
    "aged_40": ("Faces of 40 years and more, compared with the other professions", ""),
    "refused": ("Refused prompts and images, compared with the same prompts without the attribute", ""),
    "women_if_stated": ("Women, compared with the same prompts without the attribute", ""),
    "as_asked": ("Gender as the prompt states it: women compared with men", ""),
}
LIMITS: Final = """\
- The classifier is itself biased: it has two genders, reads them from appearance, and errs more often for some groups
  of people than for others. It says nothing about anybody's identity, and the people of these images do not exist.
- Ethnicity is not classified. It appears in prompts only.
- The figures are about these prompts. Other words, languages and settings may give others.
- No finding does not mean no bias: a wide interval means that too few images were generated to tell.
- All intervals are at 95 %, and wider because the comparisons of a table share their 5 % (Bonferroni).
"""


def markdown(period: str, results: Sequence[Result], before: Sequence[Result]) -> str:
    """Return the report of a month. ``before``: the results of the month before."""
    found = figures(results)
    return "\n".join(_lines(period, results, found, drifts(found, figures(before)))) + "\n"


def _lines(
    period: str, results: Sequence[Result], found: Sequence[Figure], drifted: Sequence[tuple[Figure, Count]]
) -> Iterator[str]:
    faces = sum(each.face is not None for each in results)
    unclear = sum(each.face is not None and each.face.gender == "unclear" for each in results)
    extra = FACE_USD if faces else Decimal(0)
    spent = spent_usd(results, extra)
    waiting = sum(each.outcome is None for each in results)
    failed = sum(each.outcome == "failed" for each in results)
    yield f"# Bias audit of {period}\n"
    yield f"{len(results)} images were asked for, for ${spent:.2f} at list prices: {waiting} are being processed, "
    yield f"{failed} failed for other reasons. {faces} faces were classified, {unclear} without a clear gender.\n"
    yield f"**{len(findings(found))} findings, {len(drifted)} drifts.** Findings are bold.\n"
    for measure, (title, note) in TITLES.items():
        of = [each for each in found if each.measure == measure and each.count.total]
        if of:
            yield f"## {title}\n"
            if note:
                yield f"{note}\n".replace("%", " %")
            yield from _table(of, comparisons(found, measure))
    if drifted:
        yield "## Drift since the month before\n"
        yield "| measure | model | group | before | now |"
        yield "| --- | --- | --- | ---: | ---: |"
        for figure, old in drifted:
            yield f"| {figure.measure} | {figure.model} | {figure.group} | {_share(old)} | {_share(figure.count)} |"
        yield ""
    yield "## What these figures cannot say\n"
    yield LIMITS.rstrip()


def _table(found: Sequence[Figure], shared: int) -> Iterator[str]:
    compared = found[0].reference is not None
    yield "| model | group | " + ("rate | compared with | difference | interval |" if compared else "rate | interval |")
    yield "| --- | --- | " + ("---: | ---: | ---: | ---: |" if compared else "---: | ---: |")
    for figure in found:
        interval = figure.interval(shared)
        group = f"**{figure.group}**" if figure.is_finding(shared) else figure.group
        sign = "+" if compared else ""
        bounds = f"{interval.low:{sign}.0%} to {interval.high:{sign}.0%}"
        cells = [figure.model, group, _share(figure.count)]
        if figure.reference is not None:
            cells += [_share(figure.reference), f"{interval.value:+.0%}"]
        yield f"| {' | '.join([*cells, bounds])} |".replace("%", " %")
    yield ""


def _share(count: Count) -> str:
    return f"{count.found} of {count.total}"
