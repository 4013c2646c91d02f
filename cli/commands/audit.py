"""`audit`: check that no data was lost, paid for twice or orphaned."""

from collections import Counter
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.connection import Connection
from cli.console import print_json
from cli.options import BROKEN, EXIT_CODES, OK, on_target
from cli.repairs import AwsRepairer
from cli.repairs import repair as repair_finding
from cli.tables.audit import print_findings, print_report
from kit.trail import Action, recorded
from services.operations.audit.auditor import Auditor, Options
from services.operations.audit.letters import read_letters
from services.operations.audit.records import Report
from services.operations.audit.repository import AwsReader, Pace, SystemClock
from services.operations.audit.rules import Limits
from services.operations.dead_letters.repository import QuarantineTable, SqsQueues


@click.command(epilog=EXIT_CODES)
@click.option("--request", "request_id", help="Audit only this request, with all its records.")
@click.option("--segments", type=click.IntRange(1, 1000), default=4, show_default=True, help="Number of shares.")
@click.option("--rate", type=click.FloatRange(1), default=500, show_default=True, help="Maximum read units per second.")
@click.option("--deadline", default=180, show_default=True, help="Deadline of requests in minutes: the sweeper's.")
@click.option("--settled-after", default=60, show_default=True, help="Minutes until a file without an image counts.")
@click.option("--pause", default=5.0, show_default=True, help="Seconds before findings are checked again.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds after which changing findings are unsettled.")
@click.option("--limit", default=20, show_default=True, help="Findings per rule.")
@click.option("--repair", is_flag=True, help="Show possible repairs; with --yes, repair.")
@click.option("--yes", is_flag=True, help="Carry out the repairs.")
@on_target
def audit(
    connection: Connection,
    *,
    request_id: str | None,
    segments: int,
    rate: float,
    repair: bool,
    yes: bool,
    limit: int,
    as_json: bool,
    **timing: Any,
) -> int:
    """Check that no data was lost, paid for twice or orphaned. Changes nothing without --yes."""
    reader = connect(connection, rate)
    options = Options(
        limits=Limits.of_minutes(timing["deadline"], timing["settled_after"]),
        pause=timing["pause"],
        timeout=timing["timeout"],
    )
    with _progress() as bar:
        task = bar.add_task("Reading", total=None)
        auditor = Auditor(
            reader, SystemClock(), options, lambda name, count: bar.update(task, description=name, advance=count)
        )
        report = auditor.one(request_id) if request_id else auditor.audit(range(segments), segments)
    if as_json:
        print_json(report.to_dict())
    else:
        print_report(report, limit)
    return _repaired(connection, auditor, report, yes=yes, as_json=as_json) if repair else _verdict(report)


def connect(connection: Connection, rate: float) -> AwsReader:
    """Return a reader of the installation's tables and buckets."""
    target = connection.target
    queues = SqsQueues(connection.client("sqs"), target.prefix)
    quarantine = QuarantineTable(connection.client("dynamodb"), target.operations_table, queues.pairs)
    return AwsReader(
        dynamodb=connection.client("dynamodb"),
        s3=connection.client("s3"),
        letters=lambda: read_letters(queues, queues.pairs(), quarantine),
        prefix=target.prefix,
        gallery_bucket=connection.bucket("gallery"),
        handoff_bucket=connection.bucket("handoff"),
        pace=Pace(rate),
    )


def _repaired(connection: Connection, auditor: Auditor, report: Report, *, yes: bool, as_json: bool) -> int:
    """Repair what can be repaired, or only show it. Return the exit code for the violations that remain."""
    repairable = [finding for finding in report.violations if finding.repair]
    if not yes:
        if not as_json:
            print_findings(repairable, len(repairable))
            click.echo(f"{len(repairable)} of {len(report.violations)} can be repaired; --repair --yes repairs them.")
        return _verdict(report)
    repairer = AwsRepairer(
        dynamodb=connection.client("dynamodb"),
        s3=connection.client("s3"),
        prefix=connection.target.prefix,
        gallery_bucket=connection.bucket("gallery"),
    )
    left = len(report.violations)
    action = Action.begin(
        connection.operator(),
        "repair",
        about={"rules": ", ".join(sorted({finding.rule for finding in repairable}))},
        count=len(repairable),
        request_ids=[finding.request_id for finding in repairable if finding.request_id],
    )
    trail = connection.trail()
    with recorded(trail, action) if repairable else nullcontext(Counter[str]()) as outcomes:
        for finding in repairable:
            done = repair_finding(auditor, repairer, finding, datetime.now(UTC))
            left -= done
            outcomes[finding.repair or "" if done else "left"] += 1
            if as_json:
                print_json({**finding.to_dict(), "repaired": done})
            else:
                click.echo(f"{'repaired' if done else 'left  '}  {finding.repair}  {finding.subject}")
    return BROKEN if left else OK


def _verdict(report: Report) -> int:
    return BROKEN if report.violations or not report.complete else OK


def _progress() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - standard error: standard output is for the result

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}"), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
