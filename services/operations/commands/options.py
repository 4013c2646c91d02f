"""Options, exit codes and manners that the verbs of the command line share."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import click

from services.operations.connection import Connection
from services.operations.dead_letters.letters import Selection
from services.operations.settings import Target

OK: Final = 0
FAILED: Final = 1
DEAD_LETTERS: Final = 3
REFUSED: Final = 4
CANARY_FAILED: Final = 5
NOT_CONFIRMED: Final = 6
BROKEN: Final = 7
EXIT_CODES = """\b
Exit codes:
  0  done
  1  AWS could not be reached, said no, or has no such installation
  2  wrong usage
  3  there is something to look at, such as dead letters (with --fail-if-any)
  4  some messages were refused and stay where they are
  5  a canary failed: the rest of its group stays where it is
  6  not confirmed: nothing was done
  7  the audit found a rule broken"""


class Rate(click.ParamType[float]):
    """``5``, ``5/s`` or ``30/m``: messages a second, more than none."""

    name = "N/s"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return messages a second."""
        number, _, unit = str(value).partition("/")
        try:
            rate = float(number) / {"": 1, "s": 1, "m": 60}[unit]
        except (ValueError, KeyError):
            rate = 0
        if not 0 < rate <= 1000:
            self.fail(f"{value!r} is not a rate such as 5/s or 30/m", param, ctx)
        return rate


@dataclass(frozen=True)
class Asked:
    """Which dead letters an operator means."""

    queue: str | None
    selection: Selection

    @property
    def anything(self) -> bool:
        """Whether it narrows at all."""
        return bool(self.queue) or self.selection != Selection()

    def about(self) -> dict[str, str | None]:
        """Return it for the audit trail."""
        chosen = self.selection
        return {
            "step": self.queue,
            "fingerprint": chosen.fingerprint,
            "request_id": chosen.request_id,
            "event_id": chosen.event_id,
        }


def on_target(verb: Callable[..., int]) -> Callable[..., int]:
    """Give ``verb`` the options that say which installation it works on, and a connection to it."""

    @click.option(
        "--prefix",
        envvar="GENAI_IMAGES_PREFIX",
        default="genai-images-dev",
        show_default=True,
        help="Every name of the installation starts with it.",
    )
    @click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS region.")
    @click.option("--endpoint-url", envvar="AWS_ENDPOINT_URL", help="Instead of AWS itself, such as an emulator's.")
    @click.option("--bus", help="Event bus to announce replays on; by default the installation's own.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
    @functools.wraps(verb)
    def command(*, prefix: str, region: str | None, endpoint_url: str | None, bus: str | None, **options: Any) -> int:
        target = Target(prefix=prefix, region=region, endpoint_url=endpoint_url, bus=bus)
        return verb(Connection(target), **options)

    return command


def selecting(verb: Callable[..., int]) -> Callable[..., int]:
    """Give ``verb`` the options that say which dead letters it is about, as one ``Asked``."""

    @functools.wraps(verb)
    def command(
        *args: Any,
        queue: str | None,
        fingerprint: str | None,
        request_id: str | None,
        event_id: str | None,
        **options: Any,
    ) -> int:
        return verb(*args, asked=Asked(queue, Selection(fingerprint, request_id, event_id)), **options)

    for option in (
        click.option("--event", "event_id", help="Only the one with this event id."),
        click.option("--request", "request_id", help="Only this request's."),
        click.option("--fingerprint", help="Only what failed this way; the first digits will do."),
        click.option("--queue", help="Only this queue's: its step (storage.store) or its name."),
    ):
        command = option(command)
    return command


def acting(verb: Callable[..., int]) -> Callable[..., int]:
    """Give ``verb`` the options of those that change something."""
    for option in (
        click.option("--yes", is_flag=True, help="Don't ask."),
        click.option("--operator", help="Your name in the audit trail; by default the one AWS knows."),
    ):
        verb = option(verb)
    return verb


def bare(command: click.Command, context: click.Context) -> Any:
    """Run ``command`` as if its name had been typed, with options from the environment."""
    with command.make_context(command.name, [], parent=context) as inner:
        return command.invoke(inner)
