"""`appeals`: list, read and decide the appeals of rejected requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click

from cli.connection import Connection
from cli.console import age, console, new_table, print_json
from cli.options import EXIT_CODES, OK, acting, bare, on_target
from events.catalog.appeal_decided import AppealDecision
from events.model_catalog import model_catalog
from kit.clock import SystemClock
from kit.problems import ApiProblem
from kit.sealing import OwnerKeyTable, Sealer
from services.intake.appeals.schemas import AppealReview, NewDecision
from services.intake.appeals.service import Appeals
from services.intake.appeals.views import appeal_queue, appeal_review, appeal_view
from services.intake.quota import RateLimiter
from services.intake.refusals import refuse_over_budget
from services.intake.repository.appeals import AppealTable
from services.intake.repository.rates import RateTable
from services.intake.repository.requests import RequestTable
from services.intake.repository.signals import SignalTable


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def appeals(context: click.Context) -> Any:
    """Appeals of rejected requests. Without a command: list those that wait for a decision."""
    return bare(list_, context) if context.invoked_subcommand is None else None


@appeals.command("list", epilog=EXIT_CODES)
@click.option("--limit", type=click.IntRange(1, 100), default=50, show_default=True, help="Maximum number of appeals.")
@on_target
def list_(connection: Connection, *, limit: int = 50, as_json: bool) -> int:
    """List the appeals that wait for a decision, oldest first."""
    queue = appeal_queue(_appeals(connection).pending(limit))
    if as_json:
        print_json(queue.model_dump(mode="json"))
        return OK
    table = new_table("=request", "=owner", "of", "category", "policy", "#waits")
    for row in queue.appeals:
        table.add_row(row.request_id, row.owner, row.subject, row.category, row.policy_version, age(row.appealed_at))
    out = console()
    out.print(table)
    if not queue.appeals:
        out.print("No appeal waits for a decision.")
    return OK


@appeals.command(epilog=EXIT_CODES)
@click.argument("request_id", metavar="REQUEST")
@click.option("--operator", help="Your name in the audit trail. Default: your AWS identity.")
@on_target
def show(connection: Connection, *, request_id: str, operator: str | None, as_json: bool) -> int:
    """Show the appeal of REQUEST with the prompt. The audit trail records that you have read it."""
    service = _appeals(connection)
    with _problems():
        found, texts = service.review(connection.operator(operator), request_id)
        review = appeal_review(found, service.reasons(found), texts)
    if as_json:
        print_json(review.model_dump(mode="json"))
    else:
        _print(review)
    return OK


@appeals.command(epilog=EXIT_CODES)
@click.argument("request_id", metavar="REQUEST")
@click.argument("decision", type=click.Choice(["granted", "refused"]))
@click.option("--reason", required=True, help="Why, at most 2,000 characters. The owner reads it.")
@acting
@on_target
def decide(
    connection: Connection,
    *,
    request_id: str,
    decision: AppealDecision,
    reason: str,
    operator: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Decide the appeal of REQUEST. If it is granted, a new request with the same parameters is created."""
    checked = NewDecision(decision=decision, reason=reason)
    if not yes:
        click.confirm(f"Decide that the appeal of {request_id} is {decision}?", abort=True, err=True)
    service = _appeals(connection)
    with _problems():
        decided = service.decide(connection.operator(operator), request_id, checked.decision, checked.reason)
    if as_json:
        print_json(appeal_view(decided, service.reasons(decided)).model_dump(mode="json"))
    else:
        new = f" The new request is {decided.granted_request_id}." if decided.granted_request_id else ""
        console().print(f"The appeal was {decided.status}.{new}")
    return OK


def _appeals(connection: Connection) -> Appeals:
    """Return the use cases with the operator's credentials."""
    client, target, clock = connection.client("dynamodb"), connection.target, SystemClock()
    requests = RequestTable(
        client, target.requests_table, retention=connection.retention("RequestRetentionDays", timedelta(days=400))
    )
    signals = SignalTable(client, target.requests_table)
    return Appeals(
        AppealTable(client, target.requests_table, requests),
        requests,
        RateLimiter(RateTable(client, target.requests_table), clock),
        lambda plans: refuse_over_budget(plans, signals.read().budget, lambda: model_catalog(""), clock.now()),
        Sealer(OwnerKeyTable(client, target.owner_keys_table)),
        connection.trail(),
        clock,
    )


@contextmanager
def _problems() -> Iterator[None]:
    """Turn a problem into the error message of the command."""
    try:
        yield
    except ApiProblem as problem:
        raise click.ClickException(problem.detail) from problem


def _print(review: AppealReview) -> None:
    out = console()
    for name, value in (
        ("request", review.request_id),
        ("owner", review.owner),
        ("status", review.status),
        ("rejected", f"{review.subject}: {review.category} (policy {review.policy_version})"),
        ("prompt", review.prompt),
        ("negative prompt", review.negative_prompt),
        ("appeal", review.reason),
        ("decision", review.decision_reason),
        ("new request", review.granted_request_id),
    ):
        if value is not None:
            out.print(f"{name}: {value}", markup=False)
