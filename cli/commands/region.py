"""`region`: a second region of an installation, and which of the two is active (ADR 40)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property, partial, wraps
from time import monotonic
from typing import Any, Final

import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli import regions
from cli.connection import Connection, Target
from cli.console import console, new_table, print_json
from cli.options import EXIT_CODES, FAILED, OK, acting, on_target
from kit.publisher import Publisher
from kit.trail import Action, recorded
from services.intake.repository.operator_signals import OperatorSignals
from services.intake.signals import PERIOD

QUICK: Final = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})
"""For the other region, which may be lost."""
DRAIN_SECONDS: Final = 900
REPLICATION_SECONDS: Final = 300
PORTION: Final = 100
MOVING: Final = "changing"
"""The active region while neither accepts new requests."""


@dataclass(frozen=True)
class Site:
    """One of the two regions."""

    connection: Connection
    stack: str
    config: Any = None

    @property
    def region(self) -> str:
        """Its name."""
        return self.connection.region

    def client(self, service: str) -> Any:
        """Return a client of the region."""
        return self.connection.client(service, config=self.config)

    @cached_property
    def signals(self) -> OperatorSignals:
        """The item that names the active region, as this region knows it."""
        return OperatorSignals(self.client("dynamodb"), self.connection.target.requests_table)

    def role(self) -> str:
        """Return the role with which the region's stack was deployed."""
        return regions.stack_parameters(self.client("cloudformation"), self.stack).get("RegionRole", "")

    def replicates_files_to(self, region: str) -> bool:
        """Return whether the region's stack replicates gallery and event lake to ``region``."""
        return regions.stack_parameters(self.client("cloudformation"), self.stack).get("ReplicaRegion") == region

    def set_role(self, role: str) -> bool:
        """Deploy the region's stack with another role."""
        return regions.set_role(self.client("cloudformation"), self.stack, role)


def on_both_regions(verb: Callable[..., int]) -> Callable[..., int]:
    """Add the options that select both regions and the output; pass the regions as ``here`` and ``there``."""

    @on_target
    @wraps(verb)
    def command(
        connection: Connection, *, other: str, other_endpoint_url: str | None, stack: str | None, **options: Any
    ) -> int:
        if other == connection.region:
            raise click.ClickException(f"--other {other} is this region. Name the other one, or choose with --region.")
        target = connection.target
        away = Target(target.prefix, target.profile, other, other_endpoint_url or target.endpoint_url, target.bus)
        name = stack or target.prefix
        return verb(here=Site(connection, name), there=Site(Connection(away), name, QUICK), **options)

    for option in (
        click.option("--stack", envvar="GENAI_IMAGES_STACK", help="Name of the stacks. Default: the prefix."),
        click.option("--other-endpoint-url", help="AWS endpoint of the other region, such as an emulator's."),
        click.option("--other", required=True, metavar="REGION", help="The other region."),
    ):
        command = option(command)
    return command


@click.group(epilog=EXIT_CODES)
def region() -> None:
    """Two regions: replicas, status, failover."""


@region.command(epilog=EXIT_CODES)
@click.argument("new_region", metavar="REGION")
@acting
@on_target
def add(connection: Connection, *, new_region: str, operator: str | None, yes: bool, as_json: bool) -> int:
    """Create replicas of all tables and shared secrets in REGION, and print the parameters of its stack.

    It costs what DynamoDB charges for replicated writes and storage. Run it again after an interruption.
    """
    if new_region == connection.region:
        raise click.ClickException(f"{new_region} is the region of this installation. Name another one.")
    _confirm(f"Replicate all tables and secrets of {connection.target.prefix} to {new_region}?", yes=yes)
    action = Action.begin(connection.operator(operator), "region add", about={"region": new_region}, count=1)
    with recorded(connection.trail(), action) as outcomes:
        signals = OperatorSignals(connection.client("dynamodb"), connection.target.requests_table)
        if signals.active_region() is None:
            signals.save_active_region(connection.region)
        here, there = connection.client("dynamodb"), connection.client("dynamodb", new_region)
        for name in regions.TABLES:
            full = f"{connection.target.prefix}-{name}"
            made = _step(partial(regions.add_replica, here, there, full, new_region))
            outcomes["tables replicated" if made else "tables unchanged"] += 1
        for name in regions.SECRETS:
            made = regions.add_secret(connection.client("secretsmanager"), connection.target.secret(name), new_region)
            outcomes["secrets replicated" if made else "secrets unchanged"] += 1
        parameters = {
            "RegionRole": "passive",
            "ReplicaOf": connection.region,
            "ReplicaRegion": connection.region,  # not that of this installation, which names the new region
            **regions.stream_arns(there, connection.target.prefix),
        }
    if as_json:
        print_json(parameters)
    else:
        click.echo(f"Deploy the template to {new_region} with the parameters of this installation and:")
        for name, value in parameters.items():
            click.echo(f"  {name}={value}")
        click.echo(f"Then deploy {connection.region} with ReplicaRegion={new_region}, now that its buckets exist.")
    return OK


@region.command(epilog=EXIT_CODES)
@on_both_regions
def status(*, here: Site, there: Site, as_json: bool) -> int:
    """Show both regions: the role of the stack, the active region as each knows it, and what consumes."""
    rows = [_status(site) for site in (here, there)]
    if as_json:
        print_json(rows)
        return OK
    table = new_table("=region", "role", "active region", "event source mappings", "error")
    for row in rows:
        consuming = ", ".join(f"{count} {state}" for state, count in sorted((row.get("mappings") or {}).items()))
        table.add_row(row["region"], row.get("role", ""), row.get("active", ""), consuming, row.get("error", ""))
    console().print(table)
    return OK if any("error" not in row for row in rows) else FAILED


@region.command(epilog=EXIT_CODES)
@acting
@on_both_regions
def failover(*, here: Site, there: Site, operator: str | None, yes: bool, as_json: bool) -> int:
    """Make this region the active one, because the other one is lost. Writes that were not replicated are lost.

    It first makes the other region passive and waits for what it wrote, if it can be reached. Otherwise, run it again
    when it can be: until then, the other region may still process what it had accepted.
    """
    _confirm(f"Make {here.region} active, without what {there.region} has not replicated?", yes=yes)
    who = here.connection.operator(operator)
    action = Action.begin(who, "region failover", about={"from": there.region}, count=1)
    with recorded(here.connection.trail(), action) as outcomes:
        fenced = _fenced(there) and _has_handed_over(here, there)
        here.signals.save_active_region(here.region)
        opened = _open_ids(here)
        outcomes["requests with lost images"] += _forget_lost(here, opened)  # before anything looks for the images
        _step(lambda: here.set_role("active"))
        outcomes["requests with lost images"] += _forget_lost(here, opened)  # and those generated there until now
        published = _publish_open(here)
        outcomes["requests published"] += published
        outcomes["other region passive" if fenced else "other region unreachable"] += 1
    return _report(here, there, published, fenced=fenced, as_json=as_json)


@region.command(epilog=EXIT_CODES)
@acting
@on_both_regions
def failback(*, here: Site, there: Site, operator: str | None, yes: bool, as_json: bool) -> int:
    """Make this region the active one while the other one works. Nothing is lost, and nothing is paid for again.

    No region accepts new requests until the other one has ended those that it has, and is passive. Then this one is
    active. Run it again after an interruption.

    It waits for the tables only. Files of images that the other region made come by S3's replication, minutes later,
    and only if its stack has this region as ReplicaRegion.
    """
    if not there.replicates_files_to(here.region):
        click.echo(f"{there.region} has not ReplicaRegion={here.region}: its files of images stay there.", err=True)
    _confirm(f"Move from {there.region} to {here.region}?", yes=yes)
    who = here.connection.operator(operator)
    action = Action.begin(who, "region failback", about={"from": there.region}, count=1)
    with recorded(here.connection.trail(), action) as outcomes:
        if not _has_moved(here, there):
            _step(lambda: _drain(here, there))
            _step(lambda: there.set_role("passive"))
            _step(lambda: _announce(here, there, here.region))
        _step(lambda: here.set_role("active"))
        published = _publish_open(here)
        outcomes["requests published"] += published
    return _report(here, there, published, fenced=True, as_json=as_json)


def _status(site: Site) -> dict[str, Any]:
    try:
        parameters = regions.stack_parameters(site.client("cloudformation"), site.stack)
        return {
            "region": site.region,
            "role": parameters.get("RegionRole", ""),
            "active": site.signals.active_region() or "",
            "mappings": regions.mappings(site.client("lambda"), site.connection.target.prefix),
        }
    except (BotoCoreError, ClientError) as error:
        return {"region": site.region, "error": type(error).__name__}


def _fenced(site: Site) -> bool:
    """Make a region passive, and return whether it was possible: it may be lost."""
    try:
        site.set_role("passive")
    except (BotoCoreError, ClientError, regions.RegionError) as error:
        click.echo(f"{site.region} could not be made passive: {type(error).__name__}.", err=True)
        return False
    return True


def _has_handed_over(here: Site, there: Site) -> bool:
    """Tell a region that is passive now who is active, and return whether all that it wrote before has arrived here."""
    try:
        _announce(here, there, here.region)
    except (BotoCoreError, ClientError, regions.RegionError) as error:
        click.echo(f"{there.region} has not replicated everything: {type(error).__name__}.", err=True)
        return False
    return True


def _announce(here: Site, there: Site, active: str) -> None:
    """Write in the other region who is active, and wait until this one knows: what was written before has arrived."""
    there.signals.save_active_region(active)
    regions.poll(f"replication to {here.region}", REPLICATION_SECONDS, lambda: here.signals.active_region() == active)


def _has_moved(here: Site, there: Site) -> bool:
    """Return whether an earlier run got so far that the other region is passive and this one accepts requests."""
    return here.signals.active_region() == here.region and there.role() == "passive"


def _drain(here: Site, there: Site) -> None:
    """Let the other region end what it has accepted, and wait until this one has it.

    If it is passive already, it ends nothing: what is open is published here.
    """
    _announce(here, there, MOVING)
    regions.poll("containers that still accept requests", 4 * PERIOD, _after(PERIOD))
    if there.role() == "passive":
        return
    for site, what in ((there, "ended"), (here, "replicated")):
        regions.poll(f"requests that are not {what}", DRAIN_SECONDS, partial(_has_ended, site))


def _has_ended(site: Site) -> bool:
    """Return whether every request has a terminal status, as far as the region knows."""
    table = site.connection.target.requests_table
    return next(regions.open_requests(site.client("dynamodb"), table), None) is None


def _after(seconds: float) -> Callable[[], bool]:
    """Return a probe that is true once ``seconds`` have passed."""
    start = monotonic()
    return lambda: monotonic() - start >= seconds


def _open_ids(site: Site) -> set[str]:
    """Return the requests without a terminal status."""
    table = site.connection.target.requests_table
    return {each.metadata.request_id for each in regions.open_requests(site.client("dynamodb"), table)}


def _forget_lost(site: Site, opened: Collection[str]) -> int:
    """Let images be generated again whose raw files are in the other region. Return the number of their requests.

    ``opened``: those that were open before this region was active. The images of later ones are its own.
    """
    handoff = site.connection.bucket("handoff")
    lost = regions.LostImages(site.client("dynamodb"), site.client("s3"), site.connection.target.prefix, handoff)
    return sum(lost.forget(request_id) for request_id in _open_ids(site).intersection(opened))


def _publish_open(site: Site) -> int:
    """Publish every open request again. Consumers know what they have done with it."""
    publisher = Publisher(site.client("events"), site.connection.target.bus_name)
    events = list(regions.open_requests(site.client("dynamodb"), site.connection.target.requests_table))
    for start in range(0, len(events), PORTION):
        publisher.publish(events[start : start + PORTION])
    return len(events)


def _step(step: Callable[[], Any]) -> Any:
    try:
        return step()
    except regions.RegionError as error:
        raise click.ClickException(str(error)) from error


def _confirm(question: str, *, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True)


def _report(here: Site, there: Site, published: int, *, fenced: bool, as_json: bool) -> int:
    if as_json:
        print_json({"active": here.region, "passive": there.region, "fenced": fenced, "published": published})
        return OK
    click.echo(f"{here.region} is active. {published} open requests were published again.")
    if not fenced:
        click.echo(f"{there.region} was not reachable. Run this command again as soon as it is.")
    click.echo(f"Deploy with RegionRole=active in {here.region} and RegionRole=passive in {there.region} from now on.")
    click.echo("Now run `audit`.")
    return OK
