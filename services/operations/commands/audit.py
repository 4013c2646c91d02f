"""`audit`: is everything where the product promised it to be?"""

from collections import Counter
from contextlib import nullcontext
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from services.operations.actions.adapters import TrailTable
from services.operations.actions.trail import Action, recorded
from services.operations.audit.adapters import AwsMender, AwsReader, Pace, SystemClock
from services.operations.audit.letters import read_letters
from services.operations.audit.logic import Auditor, Options
from services.operations.audit.records import Report
from services.operations.audit.rules import Limits
from services.operations.audit.tables import print_findings, print_report
from services.operations.commands.options import BROKEN, EXIT_CODES, OK, on_target
from services.operations.connection import Connection
from services.operations.dead_letters.adapters import QuarantineTable, SqsQueues
from services.operations.printing import print_json


@click.command(epilog=EXIT_CODES)
@click.option("--request", "request_id", help="Only this request, with everything that belongs to it.")
@click.option("--segments", type=click.IntRange(1, 1000), default=4, show_default=True, help="Shares to read it in.")
@click.option("--rate", type=click.FloatRange(1), default=500, show_default=True, help="Read units a second, at most.")
@click.option("--deadline", default=180, show_default=True, help="Minutes that a request is given: the sweeper's.")
@click.option("--settled-after", default=60, show_default=True, help="Minutes that a stray file is given.")
@click.option("--pause", default=5.0, show_default=True, help="Seconds before a finding is looked at again.")
@click.option("--patience", default=60.0, show_default=True, help="Seconds after which what keeps moving is left.")
@click.option("--limit", default=20, show_default=True, help="Findings shown of each rule.")
@click.option("--mend", is_flag=True, help="Show what could be mended; with --yes, mend it.")
@click.option("--yes", is_flag=True, help="Do what --mend shows.")
@on_target
def audit(
    connection: Connection,
    *,
    request_id: str | None,
    segments: int,
    rate: float,
    mend: bool,
    yes: bool,
    limit: int,
    as_json: bool,
    **timing: Any,
) -> int:
    """Check that nothing was lost, paid twice or left lying about. Reads everything; changes nothing without --yes."""
    reader = connect(connection, rate)
    options = Options(
        limits=Limits.of_minutes(timing["deadline"], timing["settled_after"]),
        pause=timing["pause"],
        patience=timing["patience"],
    )
    with _progress() as bar:
        task = bar.add_task("reading", total=None)
        auditor = Auditor(
            reader, SystemClock(), options, lambda name, count: bar.update(task, description=name, advance=count)
        )
        report = auditor.one(request_id) if request_id else auditor.audit(range(segments), segments)
    if as_json:
        print_json(report.facts())
    else:
        print_report(report, limit)
    return _mended(connection, auditor, report, yes=yes, as_json=as_json) if mend else _verdict(report)


def connect(connection: Connection, rate: float) -> AwsReader:
    """Return a reader of the installation's tables and buckets, with the operator's own credentials."""
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


def _mended(connection: Connection, auditor: Auditor, report: Report, *, yes: bool, as_json: bool) -> int:
    """Mend what can be mended, or only say what that is. What cannot be mended is still broken afterwards."""
    mendable = [finding for finding in report.violations if finding.mend]
    if not yes:
        if not as_json:
            print_findings(mendable, len(mendable))
            click.echo(f"{len(mendable)} of {len(report.violations)} can be mended; --mend --yes does it.")
        return _verdict(report)
    mender = AwsMender(
        dynamodb=connection.client("dynamodb"),
        s3=connection.client("s3"),
        prefix=connection.target.prefix,
        gallery_bucket=connection.bucket("gallery"),
    )
    left = len(report.violations)
    action = Action.begin(
        connection.caller(),
        "mend",
        about={"rules": ", ".join(sorted({finding.rule for finding in mendable}))},
        count=len(mendable),
        request_ids=[finding.request_id for finding in mendable if finding.request_id],
    )
    trail = TrailTable(connection.client("dynamodb"), connection.target.operations_table)
    with recorded(trail, action) if mendable else nullcontext(Counter[str]()) as outcomes:
        for finding in mendable:
            done = auditor.mend(mender, finding)
            left -= done
            outcomes[finding.mend or "" if done else "left"] += 1
            if as_json:
                print_json({**finding.facts(), "mended": done})
            else:
                click.echo(f"{'mended' if done else 'left  '}  {finding.mend}  {finding.subject}")
    return BROKEN if left else OK


def _verdict(report: Report) -> int:
    return BROKEN if report.violations or not report.complete else OK


def _progress() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - standard error: standard output is for the result

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}"), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
