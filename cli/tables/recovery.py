"""Backups and drills as tables."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.text import Text

from cli.console import age, console, duration, new_table
from cli.recovery.backups import RPO, RTO, BackupSet
from cli.recovery.drill import Step
from cli.recovery.progress import Drill


def print_backups(found: Sequence[BackupSet]) -> None:
    """Print backups with their age beside the RPO."""
    out = console()
    if not found:
        out.print("There is no backup. `recovery backup` makes one.")
        return
    table = new_table("=backup", "age", f"within the RPO of {duration(RPO)}", "#tables", "#files", "missing")
    now = datetime.now(UTC)
    for each in found:
        manifest = each.manifest
        missing = sorted(manifest.shapes.keys() - set(each.tables))
        is_fresh = now - manifest.created_at <= RPO
        files = "none" if manifest.files is None else str(manifest.files)
        table.add_row(
            manifest.backup_id,
            age(manifest.created_at),
            "yes" if is_fresh else "no",
            str(len(each.tables)),
            files,
            ", ".join(missing),
            style=None if is_fresh and not missing else "yellow",
        )
    out.print(table)


def print_plan(steps: Sequence[Step], drill: Drill | None) -> None:
    """Print what each step would do, and which ones an interrupted drill has done."""
    out = console()
    table = new_table("step", "does", "state")
    for step in steps:
        record = drill.steps.get(step.name) if drill and not drill.finished_at else None
        state = "" if record is None else "done" if record.finished_at else "interrupted"
        table.add_row(step.name, step.about, state)
    out.print(table)
    out.print("Nothing was changed.")


def print_drill(drill: Drill) -> None:
    """Print the steps with their durations, and the measured figures beside the objectives."""
    out = console()
    table = new_table("step", "#seconds", "result")
    for name, record in drill.steps.items():
        ended = record.finished_at
        table.add_row(name, f"{(ended - record.started_at).total_seconds():.1f}" if ended else "", record.result)
    out.print(table)
    out.print()
    facts = drill.facts
    figures = new_table("objective", "#goal", "#measured", "")
    rto, rpo = timedelta(seconds=facts["rto_seconds"]), timedelta(seconds=facts["rpo_seconds"])
    figures.add_row("RTO", duration(RTO), duration(rto), _verdict(rto, RTO))
    figures.add_row("RPO", duration(RPO), duration(rpo), _verdict(rpo, RPO))
    out.print(figures)
    out.print()
    for line in losses(drill):
        out.print(line)


def _verdict(measured: timedelta, goal: timedelta) -> Text:
    return Text("met", "bold green") if measured <= goal else Text("missed", "bold red")


def losses(drill: Drill) -> list[str]:
    """Return what was lost, in sentences."""
    facts = drill.facts
    if not facts["lost"] and not facts.get("copied"):
        return ["Nothing was lost: all tables existed, and they were restored beside the live ones."]
    lake, lines = facts.get("lake", {}), []
    if lake.get("until"):
        reached = f"{datetime.fromisoformat(lake['until']):%Y-%m-%d %H:%M:%S}"
        lines.append(
            f"The last request in the event lake was accepted at {reached} UTC. Requests up to then are restored with "
            "their images; later ones are lost."
        )
    lines += _lost_replicas(facts)
    past = duration(timedelta(seconds=facts["rpo_seconds"]))
    lines.append(f"Keys, preferences, webhooks, favourites and share links are as they were {past} before the drill.")
    unknown = {
        "events without an owner": "requests of owners who opted out of analytics are not in the lake",
        "events of unknown requests": "events belong to requests that are in neither the backups nor the lake",
        "images without a readable request": "images cannot be listed, because the key of their owner is lost",
    }
    lines += [f"Lost: {lake[name]} {text}." for name, text in unknown.items() if lake.get(name)]
    if facts.get("lost_files"):
        lines.append(f"Lost: {facts['lost_files']} files of the gallery have neither a copy nor a version.")
    repaired = facts.get("audit", {}).get("repaired", {})
    if unpaid := repaired.get("raw-without-payment"):
        lines.append(f"Lost: the payments of {unpaid} images, which may be generated again.")
    if stray := repaired.get("file-without-image"):
        lines.append(f"Lost: {stray} files of images whose requests are lost were deleted.")
    return lines


def _lost_replicas(facts: dict[str, Any]) -> list[str]:
    """Return what to do about replicas, which still belong to the tables that were lost."""
    tables: dict[str, list[str]] = {}
    for table in facts["lost"]:
        for region in facts["manifest"]["shapes"][table].get("replicas", []):
            tables.setdefault(region, []).append(table)
    return [
        f"Restored tables have no replica in {region} any more: {', '.join(sorted(names))}. Delete their tables there, "
        f"run `region add {region}`, and deploy the second stack with the parameters that it prints."
        for region, names in sorted(tables.items())
    ]
