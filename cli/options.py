"""Options and exit codes that the commands share."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import click

from cli.connection import Connection, Target
from services.operations.dead_letters.letters import Selection

OK: Final = 0
FAILED: Final = 1
NEEDS_ATTENTION: Final = 3
REFUSED: Final = 4
CANARY_FAILED: Final = 5
NOT_CONFIRMED: Final = 6
BROKEN: Final = 7
EXIT_CODES = """\b
Exit codes:
  0  done
  1  failed: AWS was unreachable or refused, or nothing was found
  2  wrong usage
  3  something needs attention, such as dead letters (with --fail-if-any)
  4  some messages were refused and stay where they are
  5  a canary failed; the rest of its group stays where it is
  6  not confirmed; nothing was changed
  7  the audit found violations, or the audit trail is broken"""


class Rate(click.ParamType[float]):
    """A rate such as ``5``, ``5/s`` or ``30/m``."""

    name = "N/s"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return messages per second."""
        number, _, unit = str(value).partition("/")
        try:
            rate = float(number) / {"": 1, "s": 1, "m": 60}[unit]
        except (ValueError, KeyError):
            rate = 0
        if not 0 < rate <= 1000:
            self.fail(f"{value!r} is not a rate such as 5/s or 30/m", param, ctx)
        return rate


@dataclass(frozen=True)
class Filter:
    """Which dead letters a command is about."""

    queue: str | None
    selection: Selection

    @property
    def is_set(self) -> bool:
        """Whether it excludes anything."""
        return bool(self.queue) or self.selection != Selection()

    def about(self) -> dict[str, str | None]:
        """Return the filter as the audit trail records it."""
        selection = self.selection
        return {
            "step": self.queue,
            "fingerprint": selection.fingerprint,
            "request_id": selection.request_id,
            "event_id": selection.event_id,
        }


def on_target(verb: Callable[..., int]) -> Callable[..., int]:
    """Add the options that select an installation and the output; pass a ``Connection`` and ``as_json``."""

    @click.option(
        "--prefix",
        envvar="GENAI_IMAGES_PREFIX",
        default="genai-images-dev",
        show_default=True,
        help="Prefix of the installation's physical names.",
    )
    @click.option("--profile", envvar="AWS_PROFILE", help="Profile of your AWS configuration.")
    @click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS region.")
    @click.option("--endpoint-url", help="AWS endpoint, such as an emulator's. Default: AWS_ENDPOINT_URL, or AWS.")
    @click.option("--bus", help="Event bus for MessageReplayed. Default: the installation's.")
    @click.option(
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="Format of the result.",
    )
    @functools.wraps(verb)
    def command(
        *,
        prefix: str,
        profile: str | None,
        region: str | None,
        endpoint_url: str | None,
        bus: str | None,
        output: str,
        **options: Any,
    ) -> int:
        target = Target(prefix=prefix, profile=profile, region=region, endpoint_url=endpoint_url, bus=bus)
        return verb(Connection(target), as_json=output == "json", **options)

    return command


def selecting(verb: Callable[..., int]) -> Callable[..., int]:
    """Add the options that select dead letters; pass them as ``wanted``, one ``Filter``."""

    @functools.wraps(verb)
    def command(
        *args: Any,
        queue: str | None,
        fingerprint: str | None,
        request_id: str | None,
        event_id: str | None,
        **options: Any,
    ) -> int:
        return verb(*args, wanted=Filter(queue, Selection(fingerprint, request_id, event_id)), **options)

    for option in (
        click.option("--event", "event_id", help="Only the dead letter of this event id."),
        click.option("--request", "request_id", help="Only dead letters of this request id."),
        click.option("--fingerprint", help="Only dead letters with this fingerprint; its first digits are enough."),
        click.option("--queue", help="Only this queue, by step (storage.store) or by name."),
    ):
        command = option(command)
    return command


def acting(verb: Callable[..., int]) -> Callable[..., int]:
    """Add the options of commands that change something."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask for confirmation."),
        click.option("--operator", help="Your name in the audit trail. Default: your AWS identity."),
    ):
        verb = option(verb)
    return verb


def of_days(most: int) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return a decorator that adds the option ``--days``, at most ``most``."""
    return click.option(
        "--days",
        type=click.IntRange(1, most),
        default=7,
        show_default=True,
        help="Number of days (UTC), with today.",
    )


def bare(command: click.Command, context: click.Context) -> Any:
    """Run ``command`` as if its name had been entered, with options from the environment."""
    with command.make_context(command.name, [], parent=context) as inner:
        return command.invoke(inner)
