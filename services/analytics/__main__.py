"""For operators: ``python -m services.analytics report|rebuild``.

Exit codes: 0 done, 1 the rebuild came out otherwise and was given up, 2 it could not run.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from kit.errors import TransientError, UnprocessableError
from services.analytics.adapters import CounterTable, EventArchive
from services.analytics.rebuild import rebuild
from services.analytics.service import SupersededError
from services.analytics.settings import Target
from services.analytics.tables import difference_table, report_tables

CONSOLE_WIDTH = 100


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    target = Target(prefix=options.prefix, region=options.region, endpoint_url=options.endpoint_url)
    console = Console(width=min(CONSOLE_WIDTH, Console().width) if sys.stdout.isatty() else CONSOLE_WIDTH)
    try:
        if options.command == "report":
            return _report(target, options.days, console)
        return _rebuild(target, options.accept_differences, console)
    except (ClientError, BotoCoreError, SupersededError, TransientError, UnprocessableError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.analytics", description="Counters of an installation.")
    parser.add_argument("--prefix", default="genai-images-dev", help="of the installation (default: %(default)s)")
    parser.add_argument("--region", help="default: as the AWS SDK finds it")
    parser.add_argument("--endpoint-url", help="default: AWS, or AWS_ENDPOINT_URL")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="print the counts of the last days")
    report.add_argument("--days", type=_days, default=7, help="today included, UTC (default: %(default)s)")
    again = commands.add_parser("rebuild", help="count the archive into a fresh generation and make it current")
    again.add_argument(
        "--accept-differences", action="store_true", help="make it current though it differs from what was counted"
    )
    return parser


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 366:
        raise argparse.ArgumentTypeError("from 1 to 366")
    return days


def _report(target: Target, days: int, console: Console) -> int:
    table = CounterTable(_session(target).client("dynamodb", endpoint_url=target.endpoint_url), target.table_name)
    today = datetime.now(UTC).date()
    first = today - timedelta(days=days - 1)
    counted = table.days(table.generations().current, first.isoformat(), today.isoformat())
    if not counted:
        console.print(f"{target.prefix}: nothing was counted since {first}")
        return 0
    for shown in report_tables(counted):
        if shown.row_count:
            console.print(shown)
            console.print()
    return 0


def _rebuild(target: Target, accept: bool, console: Console) -> int:
    session = _session(target)
    account = session.client("sts", endpoint_url=target.endpoint_url).get_caller_identity()["Account"]
    bucket = target.archive_bucket_name(account, session.region_name)
    archive = EventArchive(session.client("s3", endpoint_url=target.endpoint_url), bucket, _no_key)
    table = CounterTable(session.client("dynamodb", endpoint_url=target.endpoint_url), target.table_name)
    with console.status("reading the archive") as status:
        done = rebuild(
            archive,
            table,
            accept_differences=accept,
            progress=lambda read: status.update(f"{read} events read from the archive"),
        )
    if done.differences:
        console.print(f"{len(done.differences)} counters came out otherwise:")
        console.print(difference_table(done.differences))
    fate = "is current now" if done.current else "was given up; --accept-differences makes it current"
    console.print(f"generation {done.generation}, from {done.events} archived events, {fate}")
    return 0 if done.current else 1


def _session(target: Target) -> boto3.Session:
    return boto3.Session(region_name=target.region)


def _no_key() -> bytes:
    raise AssertionError("a rebuild writes nothing to the archive")


if __name__ == "__main__":
    sys.exit(main())
