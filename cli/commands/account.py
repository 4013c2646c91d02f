"""`account`: what the AWS account needs before and after a deployment."""

from typing import Final

import boto3
import click

from cli.account.checks import check
from cli.account.deployment import Account, Finding, deployment
from cli.connection import Connection
from cli.console import console, new_table, print_json
from cli.options import EXIT_CODES, NEEDS_ATTENTION, OK, on_target
from events.model_catalog import model_catalog

STYLES: Final = {"missing": "bold red", "optional": "yellow", "unknown": "dim"}
WORDS: Final = {"ok": "ok", "missing": "missing", "optional": "not set up", "unknown": "cannot tell"}


@click.group(epilog=EXIT_CODES)
def account() -> None:
    """Check the AWS account."""


@account.command("check", epilog=EXIT_CODES)
@click.option("--stack", envvar="GENAI_IMAGES_STACK", help="Name of the stack. Default: the prefix.")
@on_target
def check_(connection: Connection, *, stack: str | None, as_json: bool) -> int:
    """Check model access, quotas, region support, alarms and billing tags, and print what is missing.

    Without a stack of that name, it checks what the template's defaults need. Exits with 3 if something is missing.
    """
    catalog = model_catalog()
    deployed = deployment(connection.client("cloudformation"), stack or connection.target.prefix, catalog)
    asked = Account(connection.client, boto3.Session().get_available_regions, connection.region)
    found = check(asked, deployed, catalog)
    if as_json:
        print_json([vars(finding) for finding in found])
    else:
        _print(found)
    return NEEDS_ATTENTION if any(finding.state == "missing" for finding in found) else OK


def _print(found: list[Finding]) -> None:
    table = new_table("check", "result", "found")
    for finding in found:
        table.add_row(finding.subject, WORDS[finding.state], finding.detail, style=STYLES.get(finding.state))
    out = console()
    out.print(table)
    for finding in found:
        if finding.fix:
            out.print(f"\n[bold]{finding.subject}[/bold]: {finding.detail}")
            click.echo(f"  {finding.fix}")
