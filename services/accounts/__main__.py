"""API keys from the command line: `python -m services.accounts create|list|rotate|revoke`.

Works with your AWS credentials, on any endpoint, so it is how an installation gets its first key.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, get_args

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from kit.http_api import Scope, field_errors
from kit.secrets import secret_key
from services.accounts import service
from services.accounts.adapters import KeyTable
from services.accounts.keys import Key
from services.accounts.parameters import USER_SCOPES, NewKey, Rotation
from services.accounts.settings import Target
from services.accounts.views import KeyView, KeyWithText

PAGE: Final = 100
PIPE_WIDTH: Final = 160


class Installation:
    """The keys of one installation, and the secret they are hashed with."""

    def __init__(self, target: Target) -> None:
        session = boto3.Session(region_name=target.region)
        self.keys = KeyTable(session.client("dynamodb", endpoint_url=target.endpoint_url), target.table_name)
        secrets = session.client("secretsmanager", endpoint_url=target.endpoint_url)
        self.hash_secret = secret_key(secrets, target.hash_secret_name)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 it could not be done, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    target = Target(prefix=options.prefix, region=options.region, endpoint_url=options.endpoint_url)
    try:
        shown = options.run(Installation(target), options, datetime.now(UTC))
    except ValidationError as error:
        print("; ".join(f"{wrong['field']}: {wrong['rule']}" for wrong in field_errors(error)), file=sys.stderr)
        return 2
    except KeyError:
        print(f"there is no key {options.key_id} in {target.prefix}", file=sys.stderr)
        return 1
    except (service.NotActiveError, ClientError, BotoCoreError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1
    _print(shown, as_json=options.as_json)
    return 0


def _create(installation: Installation, options: argparse.Namespace, now: datetime) -> KeyView:
    wanted = NewKey(
        owner=options.owner,
        name=options.name or f"made with the command line on {now:%Y-%m-%d}",
        scopes=options.scopes or list(USER_SCOPES),
        limit=options.limit,
        window_seconds=options.window,
        expires_in_days=options.expires_in_days,
    )
    return KeyWithText.with_text(*service.create(installation.keys, wanted, installation.hash_secret(), now), now)


def _list(installation: Installation, _options: argparse.Namespace, now: datetime) -> list[KeyView]:
    found: list[Key] = []
    page = installation.keys.page(PAGE, None)
    found += page.keys
    while page.last:
        page = installation.keys.page(PAGE, page.last)
        found += page.keys
    return [KeyView.of(key, now) for key in found]


def _rotate(installation: Installation, options: argparse.Namespace, now: datetime) -> KeyView:
    grace = Rotation(grace_seconds=options.grace).grace_seconds
    rotated = service.rotate(installation.keys, options.key_id, grace, installation.hash_secret(), now)
    return KeyWithText.with_text(*rotated, now)


def _revoke(installation: Installation, options: argparse.Namespace, now: datetime) -> KeyView:
    return KeyView.of(installation.keys.revoke(options.key_id, now), now)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--prefix", default=argparse.SUPPRESS, help="of the installation (default: genai-images-dev)")
    common.add_argument("--region", default=argparse.SUPPRESS, help="default: as the AWS SDK finds it")
    common.add_argument("--endpoint-url", default=argparse.SUPPRESS, help="default: AWS, or AWS_ENDPOINT_URL")
    common.add_argument("--json", dest="as_json", action="store_true", help="print JSON for scripts")
    parser = argparse.ArgumentParser(prog="python -m services.accounts", description="API keys of an installation.")
    parser.set_defaults(
        prefix=os.environ.get("GENAI_IMAGES_PREFIX", "genai-images-dev"), region=None, endpoint_url=None
    )
    commands = parser.add_subparsers(dest="command", required=True)

    create = commands.add_parser("create", parents=[common], help="make a key; its text is shown this once")
    create.set_defaults(run=_create)
    create.add_argument("--owner", required=True, help="whose requests and images it sees")
    create.add_argument("--name", help="what it is for")
    create.add_argument(
        "--scope",
        dest="scopes",
        action="append",
        choices=get_args(Scope),
        help="what it may do; again for more (default: everything but admin)",
    )
    create.add_argument("--limit", type=int, default=100, help="requests in a window (default: %(default)s)")
    create.add_argument("--window", type=int, default=900, help="seconds (default: %(default)s)")
    create.add_argument("--expires-in-days", type=int, help="default: never")

    listing = commands.add_parser("list", parents=[common], help="list all keys, newest first")
    listing.set_defaults(run=_list)

    rotate = commands.add_parser("rotate", parents=[common], help="give a key a new text, shown this once")
    rotate.set_defaults(run=_rotate)
    rotate.add_argument("key_id")
    rotate.add_argument("--grace", type=int, default=0, help="seconds that the old text goes on working (default: 0)")

    revoke = commands.add_parser("revoke", parents=[common], help="end a key for good, within a minute")
    revoke.set_defaults(run=_revoke)
    revoke.add_argument("key_id")
    return parser


def _print(shown: BaseModel | Sequence[BaseModel], *, as_json: bool) -> None:
    views = [shown] if isinstance(shown, BaseModel) else shown
    if as_json:
        values: Any = [view.model_dump(mode="json", exclude_none=True) for view in views]
        print(json.dumps(values[0] if isinstance(shown, BaseModel) else values))
        return
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    table = Table(box=None, pad_edge=False)
    for column in ("key id", "owner", "name", "scopes", "limit", "status", "expires", "last used"):
        table.add_column(column, overflow="fold")
    for view in views:
        table.add_row(*_row(view))
    console.print(table)
    for view in views:
        if isinstance(view, KeyWithText):
            console.print(
                f"\n{view.key}\n\nKeep it now: only its hash is stored, so nobody can show it again.", soft_wrap=True
            )


def _row(view: Any) -> tuple[str, ...]:
    return (
        view.key_id,
        view.owner,
        view.name,
        " ".join(view.scopes),
        f"{view.limit} in {view.window_seconds} s",
        view.status,
        f"{view.expires_at:%Y-%m-%d}" if view.expires_at else "never",
        f"{view.last_used_at:%Y-%m-%d %H:%M}" if view.last_used_at else "never",
    )


if __name__ == "__main__":
    sys.exit(main())
