"""The generated sections of docs/scale.md."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tools.scale.arithmetic import Limit
from tools.scale.limits import LOAD, QUOTAS, WAITS, limits, needed
from tools.scale.settings import Settings, read_settings

RATES: Final = (1, 10, 100, 1000)
"""Images per second."""


def scale_sections(root: Path) -> dict[str, str]:
    """Return the sections by name, computed from the templates below ``root``."""
    settings = read_settings(root)
    found = limits(settings)
    return {
        "first": _first(found),
        "limits": _table(found),
        "concurrency": _concurrency(settings),
        "breaks": "\n".join(_paragraphs(found)) + "\n",
        "quotas": _quotas(),
    }


def _first(found: Sequence[Limit]) -> str:
    rows = ["| images per second | breaks first | uses | then |", "| --- | --- | --- | --- |"]
    for images in RATES:
        broken = [limit for limit in found if (limit.used(images) or 0) > 1]
        if broken:
            rest = f"{len(broken) - 1} more" if len(broken) > 1 else "nothing"
            rows.append(f"| {images:,} | {broken[0].name} | {_share(broken[0], images)} | {rest} |")
        else:
            rows.append(f"| {images:,} | nothing that is known | | |")
    return "\n".join(rows) + "\n"


def _table(found: Sequence[Limit]) -> str:
    columns = " | ".join(f"at {images:,}" for images in RATES)
    rows = [f"| what | kind | images per second | {columns} |", f"| --- | --- | ---: |{' ---: |' * len(RATES)}"]
    for limit in found:
        shares = " | ".join(_share(limit, images) for images in RATES)
        rows.append(f"| {limit.name} | {limit.kind} | {_rate(limit)} | {shares} |")
    return "\n".join(rows) + "\n"


def _concurrency(settings: Settings) -> str:
    columns = " | ".join(f"at {images:,}" for images in RATES)
    rows = [f"| function | today | {columns} |", f"| --- | ---: |{' ---: |' * len(RATES)}"]
    functions = needed(settings)
    for function in functions:
        cells = " | ".join(
            _bold(f"{function.at(images):,}", function.present is not None and function.at(images) > function.present)
            for images in RATES
        )
        rows.append(f"| `{function.function}` | {function.present or ''} | {cells} |")
    sums = " | ".join(f"{sum(function.at(images) for function in functions):,}" for images in RATES)
    rows.append(f"| **together** | | {sums} |")
    waits = f"{WAITS['InvokeModel']:g} s for an image, {WAITS['Converse']:g} s for Claude, "
    waits += f"{WAITS['DetectModerationLabels']:g} s for Rekognition"
    assumed = (
        f"Assumed waits: {waits} (`tools/benchmarks/prices.json`). {LOAD['measured']} See `tools/scale/load.json`."
    )
    return "\n".join(rows) + f"\n\n{assumed}\n"


def _paragraphs(found: Sequence[Limit]) -> Iterator[str]:
    for limit in found:
        if limit.rate is None or limit.rate < RATES[-1]:
            breaks = "unknown" if limit.rate is None else f"above {_rate(limit)} images per second"
            yield f"- **{limit.name}** ({breaks}): {limit.needs}. {limit.remedy}"


def _quotas() -> str:
    rows = ["| quota | default | adjustable | source |", "| --- | ---: | --- | --- |"]
    for entry in QUOTAS["quotas"].values():
        value = "unknown" if entry["value"] is None else f"{entry['value']:,}"
        service = entry["name"].partition(":")[0]
        rows.append(f"| {entry['name']} | {value} | {entry['adjustable']} | [{service}]({entry['source']}) |")
    return f"Found on {QUOTAS['as_of']}; values of {QUOTAS['regions']}.\n\n" + "\n".join(rows) + "\n"


def _rate(limit: Limit) -> str:
    if limit.rate is None:
        return "unknown"
    return f"{limit.rate:,.0f}" if limit.rate >= 10 else f"{limit.rate:.1f}"


def _share(limit: Limit, images: float) -> str:
    used = limit.used(images)
    if used is None:
        return "" if limit.per_minute is None else f"{limit.per_minute * images:,.0f} per minute"
    if used > 1:
        return f"**{used:,.1f} times**" if used < 10 else f"**{used:,.0f} times**"
    return f"{used:.0%}" if used >= 0.01 else "< 1%"


def _bold(text: str, condition: bool) -> str:
    return f"**{text}**" if condition else text
