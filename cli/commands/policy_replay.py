"""`moderation replay`: what a candidate would change in past decisions about prompts."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import click
from rich.console import Console

from cli.connection import Connection
from cli.console import console, print_json
from cli.options import EXIT_CODES, OK, of_days, on_target
from cli.tables.moderation import shadow_table
from events.catalog.image_requested import ImageRequested
from kit.errors import TransientError, UnprocessableError
from kit.sealing import OwnerKeyTable, Sealer
from kit.trail import Action, Operator, Trail, recorded
from services.analytics.repository.lake import EventLake
from services.moderation.keywords import KeywordFilter
from services.moderation.models import PromptVerdict
from services.moderation.policy import LIVE, Policy, PolicyError, load_policy
from services.moderation.replay import REQUESTS_MAX, Fate, Replay, Replayed
from services.moderation.repository import VerdictTable
from services.moderation.schemas import SHADOW_DAYS_MAX, ShadowReport
from services.moderation.shadow import PromptPolicy, PromptShadow

SAMPLES_SHOWN_MAX: Final = 3
"""Prompts per row: so few that the audit trail names the request of every prompt that was shown."""
FATES: Final[Mapping[Fate, str]] = {
    "evaluated": "evaluated",
    "unanswered": "unknown: the keyword filter decided then, and Claude would be asked now",
    "not_by_policy": "not decided by a policy, but by an appeal, the length of a text or an unusable answer",
    "without_verdict": "without a verdict: not decided yet, expired or erased",
    "opted_out": "archived without an owner: opted out of analytics",
    "unreadable": "unreadable: the owner was erased",
}
NOT_KNOWN: Final = (
    "Claude was not asked again: its recorded answers were used. Descriptions of categories were not evaluated.",
    "`newly asked` means that the keyword filter blocked, and Claude would decide.",
    "Labels of images are not recorded, so the image check was not evaluated.",
)


@click.command(epilog=EXIT_CODES)
@click.option("--policy", "name", required=True, help="The candidate: a file of services/moderation/policies.")
@of_days(SHADOW_DAYS_MAX)
@click.option(
    "--samples",
    type=click.IntRange(0, SAMPLES_SHOWN_MAX),
    default=0,
    show_default=True,
    help="Show so many prompts per row. The audit trail records which ones.",
)
@click.option("--operator", help="Your name in the audit trail. Default: your AWS identity.")
@on_target
def replay(connection: Connection, *, name: str, days: int, samples: int, operator: str | None, as_json: bool) -> int:
    """Show which decisions about past prompts a candidate would change, without deploying it.

    Reads requests from the archive of events, and opens their prompts in memory with your AWS rights.
    """
    live, candidate = _policies(connection.parameter("ModerationPolicy") or LIVE, name)
    policy_replay = _replay(connection, live, candidate)
    today = datetime.now(UTC).date()
    period = [today - timedelta(back) for back in range(days)]
    about = {"policy": candidate.version, "live": live.version, "from": str(period[-1]), "to": str(today)}
    trail, actor = connection.trail(), connection.operator(operator)
    with recorded(trail, Action.begin(actor, "replay policy", about=about, count=1)) as outcomes:
        done = _run(connection, policy_replay, period)
        outcomes.update({str(fate): count for fate, count in done.fates.items()})
    if not done.fates:
        raise click.ClickException(
            f"The archive of events has no request from {period[-1]} to {today}. ArchiveRetentionDays says how long "
            "it keeps them."
        )
    report = ShadowReport.of(today, days, done.changes, len(done.changes))
    report = report.model_copy(update={"complete": done.complete})
    shown = {request_id: done.changed[request_id] for row in report.changes for request_id in row.samples[:samples]}
    texts = _read(policy_replay, shown, trail, actor, about)
    if as_json:
        details = {"requests": done.fates, "other_version": done.other_version, "not_known": NOT_KNOWN}
        print_json({**report.model_dump(mode="json"), **details, "samples": texts})
    else:
        _print(report, live, candidate, done, texts)
    return OK


def _policies(live_name: str, name: str) -> tuple[Policy, Policy]:
    """Return the policy that decides, and a candidate with other content."""
    try:
        live, candidate = load_policy(live_name), load_policy(name)
    except PolicyError as error:
        raise click.ClickException(str(error)) from error
    if live.digest == candidate.digest:
        raise click.ClickException(f"--policy {name} has the content of {live.version}, which decides now.")
    return live, candidate


def _replay(connection: Connection, live: Policy, candidate: Policy) -> Replay:
    dynamodb, target = connection.client("dynamodb"), connection.target
    return Replay(
        PromptPolicy(live, KeywordFilter(live)),
        PromptShadow(candidate, KeywordFilter(candidate)),
        VerdictTable(dynamodb, target.verdicts_table, PromptVerdict),
        Sealer(OwnerKeyTable(dynamodb, target.owner_keys_table)).open_texts,
    )


def _run(connection: Connection, policy_replay: Replay, days: Sequence[date]) -> Replayed:
    """Evaluate the requests of ``days``, with the progress on the terminal."""
    archive = EventLake(connection.client("s3"), connection.bucket("analytics"))
    requests = (event for day in days for event in archive.read_day(day) if isinstance(event, ImageRequested))
    begun = time.monotonic()
    with Console(stderr=True).status("Reading the archive of events") as status:

        def show(read: int) -> None:
            rate = read / max(time.monotonic() - begun, 0.001)
            status.update(f"{read:,} requests (at most {REQUESTS_MAX:,}), {rate:,.0f} per second")

        try:
            return policy_replay.run(requests, show)
        except (TransientError, UnprocessableError) as error:
            raise click.ClickException(str(error)) from error


def _read(
    policy_replay: Replay,
    requests: Mapping[str, ImageRequested],
    trail: Trail,
    actor: Operator,
    about: Mapping[str, str],
) -> list[dict[str, str]]:
    """Return the texts of requests, after the audit trail has recorded that the operator reads them."""
    if not requests:
        return []
    action = Action.begin(actor, "read prompts", about=about, count=len(requests), request_ids=list(requests))
    with recorded(trail, action) as outcomes:
        texts = list(_texts(policy_replay, requests))
        outcomes["read"] = len(texts)
    return texts


def _texts(policy_replay: Replay, requests: Mapping[str, ImageRequested]) -> Iterator[dict[str, str]]:
    for request_id, event in requests.items():
        if (texts := policy_replay.texts(event)) is not None:
            negative = {"negative_prompt": texts.negative_prompt} if texts.negative_prompt else {}
            yield {"request_id": request_id, "prompt": texts.prompt, **negative}


def _print(
    report: ShadowReport, live: Policy, candidate: Policy, done: Replayed, texts: Sequence[Mapping[str, Any]]
) -> None:
    out = console()
    if report.changes:
        out.print(shadow_table(report.changes))
    else:
        out.print(f"{candidate.version} would change nothing.")
    for sample in texts:
        out.print(f"\n{sample['request_id']}\n  prompt: {sample['prompt']}", markup=False)
        if "negative_prompt" in sample:
            out.print(f"  negative prompt: {sample['negative_prompt']}", markup=False)
    out.print(f"\nRequests from {report.first_day} to {report.last_day}:")
    for fate, meaning in FATES.items():
        if done.fates[fate]:
            out.print(f"  {done.fates[fate]:>7,}  {meaning}")
    if done.other_version:
        out.print(f"{done.other_version:,} of them were decided under another version than {live.version}.")
    if not done.complete:
        out.print(f"There are more requests. The latest days were read, up to {REQUESTS_MAX:,} requests.")
    for sentence in NOT_KNOWN:
        out.print(sentence)
