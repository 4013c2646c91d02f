"""`smoke`: generate one image through the deployed API and verify it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import click

from cli.commands.keys import Keys
from cli.connection import Connection
from cli.console import console, new_table, print_json
from cli.costs.report import PRICES
from cli.options import EXIT_CODES, FAILED, OK, on_target
from cli.smoke import CheckResult, PooledHttp, SmokeTest
from cli.stack import read_stack
from events.model_catalog import Model, model_catalog
from services.accounts import service as accounts
from services.accounts.schemas import NewKey

OWNER: Final = "smoke-test"


class ModelKey(click.ParamType[Model]):
    """A model of the catalog that Bedrock still serves."""

    name = "MODEL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Model:
        """Return the model."""
        if isinstance(value, Model):
            return value
        today, found = datetime.now(UTC).date(), model_catalog().get(value)
        served = [model.key for model in model_catalog() if not model.ended(today)]
        if found is None:
            self.fail(f"{value!r} is not in the catalog. Choose one of {', '.join(served)}", param, ctx)
        if found.ended(today):
            self.fail(
                f"{value} reached its end of life on {found.end_of_life}. Choose one of {', '.join(served)}", param, ctx
            )
        return found


@click.command(epilog=EXIT_CODES)
@click.option(
    "--model", type=ModelKey(), default=lambda: model_catalog().default, help="Default: the catalog's default model."
)
@click.option(
    "--key",
    "api_key",
    envvar="GENAI_IMAGES_API_KEY",
    help="API key with the scopes requests:write, requests:read and images:read. "
    "Default: a new key, which is revoked at the end.",
)
@click.option("--expect-version", help="Fail if GET /health returns another version.")
@click.option("--timeout", default=300, show_default=True, type=click.IntRange(1, 3600), help="Seconds for everything.")
@click.option(
    "--stack", envvar="GENAI_IMAGES_STACK", help="Deployed stack that names the API's URL. Default: the prefix."
)
@click.option("--api-url", envvar="GENAI_IMAGES_API_URL", help="URL of the API. Default: the output of the stack.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@on_target
def smoke(
    connection: Connection,
    *,
    model: Model,
    api_key: str | None,
    expect_version: str | None,
    timeout: int,
    stack: str | None,
    api_url: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Generate one image through the deployed API and verify it. States the cost first.

    Checks the version, sends a request, waits for it, downloads the image, and compares its format, size and hash with
    what the API describes.
    """
    url = api_url or _url_of(connection, stack or connection.target.prefix)
    click.echo(f"{url}\n{_cost(model)}", err=True)
    if not yes:
        click.confirm("Send the request?", abort=True, err=True)
    test = SmokeTest(
        url, PooledHttp(), timeout_seconds=timeout, progress=lambda text: click.echo(f"… {text}", err=True)
    )
    with _key(connection, api_key) as key:
        test.run(key, model, expect_version)
    if as_json:
        print_json({"passed": test.passed, "checks": [result.to_dict() for result in test.results]})
    else:
        _print(test.results)
    return OK if test.passed else FAILED


def _cost(model: Model) -> str:
    checks: Decimal = sum(PRICES.values(), Decimal(0))
    return (
        f"This generates one image with {model.key} for ${model.price_usd['standard']} at list price, "
        f"plus about ${checks.quantize(Decimal('0.0001'))} for checks and AWS."
    )


def _url_of(connection: Connection, stack: str) -> str:
    """Return the URL of the API from the outputs of ``stack``."""
    url = read_stack(connection.client("cloudformation"), stack).outputs.get("ApiUrl")
    if url is not None:
        return url
    raise click.ClickException(f"Stack {stack} has no output ApiUrl. Name the stack with --stack, or use --api-url.")


@contextmanager
def _key(connection: Connection, given: str | None) -> Iterator[Callable[[], str]]:
    """Yield a function that returns ``given``, or the text of a new key that is revoked at the end."""
    created: list[str] = []
    keys = None if given else Keys.of(connection)

    def text() -> str:
        if keys is None:
            return given or ""
        wanted = NewKey(
            owner=OWNER,
            name="smoke test",
            scopes=["requests:write", "requests:read", "images:read"],
            expires_in_days=1,  # in case this process dies before it revokes the key
        )
        key, text = accounts.create(keys.store, wanted, keys.hash_secret(), datetime.now(UTC))
        created.append(key.key_id)
        return text

    try:
        yield text
    finally:
        if keys is not None:
            for key_id in created:
                keys.store.revoke(key_id, datetime.now(UTC))


def _print(results: list[CheckResult]) -> None:
    table = new_table("check", "result", "#seconds", "detail")
    for result in results:
        table.add_row(
            result.name,
            "passed" if result.passed else "failed",
            f"{result.seconds:.1f}",
            result.detail,
            style=None if result.passed else "bold red",
        )
    console().print(table)
