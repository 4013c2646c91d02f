"""A second region: roles of stacks, open requests, and images that only the lost region had."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from cli import regions
from cli.__main__ import main
from cli.commands import region
from cli.connection import Connection, Target
from services.generation.models import Lease
from services.moderation.erasure import judged_events
from tests.support.installation_on_moto import HANDOFF, PREFIX, Installation

VERDICTS = f"{PREFIX}-moderation-verdicts"


@pytest.fixture
def system(aws_test_environment: None, service_template: Any) -> Iterator[Installation]:
    with mock_aws():
        installation = Installation(service_template)
        installation.dynamodb.create_table(
            TableName=VERDICTS,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        yield installation


@pytest.fixture
def lost(system: Installation) -> regions.LostImages:
    return regions.LostImages(system.dynamodb, system.s3, PREFIX, HANDOFF)


def open_ids(system: Installation) -> set[str]:
    return {each.metadata.request_id for each in regions.open_requests(system.dynamodb, f"{PREFIX}-requests")}


def test_only_open_requests_are_published_again(system: Installation) -> None:
    waiting, generated = (
        system.create_request(1, until="ImageRequested"),
        system.create_request(2, until="ImageGenerated"),
    )
    system.create_request(3)
    assert open_ids(system) == {waiting, generated}


def test_a_request_whose_item_was_not_replicated_is_skipped(system: Installation) -> None:
    halved, whole = system.create_request(1, until="PromptApproved"), system.create_request(2, until="PromptApproved")
    key = {"pk": {"S": f"REQUEST#{halved}"}, "sk": {"S": "REQUEST"}}
    system.dynamodb.delete_item(TableName=f"{PREFIX}-requests", Key=key)
    assert open_ids(system) == {whole}


def test_an_image_is_generated_again_only_if_its_file_is_lost(system: Installation, lost: regions.LostImages) -> None:
    request_id = system.create_request(until="ImageGenerated")
    requested, generated = judged_events(request_id)
    for event_id in (requested, generated):
        system.dynamodb.put_item(TableName=VERDICTS, Item={"pk": {"S": event_id}})
    now = datetime.now(UTC)

    assert not lost.forget(request_id)
    assert system.ledger.claim(request_id, 1, Lease("two", now, now + timedelta(minutes=6)), 5), "its outcome is kept"

    (stored,) = system.s3.list_objects_v2(Bucket=HANDOFF)["Contents"]
    system.s3.delete_object(Bucket=HANDOFF, Key=stored["Key"])
    assert lost.forget(request_id)
    assert system.ledger.claim(request_id, 1, Lease("two", now, now + timedelta(minutes=6)), 5) == {}
    assert system.dynamodb.scan(TableName=VERDICTS)["Count"] == 0, (
        "a verdict about a lost image is not one about the next"
    )
    assert open_ids(system) == {request_id}


def test_a_request_without_images_has_lost_none(system: Installation, lost: regions.LostImages) -> None:
    assert not lost.forget(system.create_request(until="PromptApproved"))


class Stacks:
    """CloudFormation with one stack."""

    def __init__(self, status: str = "CREATE_COMPLETE", after: str = "UPDATE_COMPLETE", **parameters: str) -> None:
        self.status, self.after, self.parameters = status, after, parameters
        self.updates: list[Any] = []

    def describe_stacks(self, StackName: str) -> Any:
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        stack = {"StackStatus": self.status, "Parameters": parameters}
        if self.status.endswith("_IN_PROGRESS"):
            self.status = self.after
        return {"Stacks": [stack]}

    def update_stack(self, **update: Any) -> None:
        if self.status.endswith("_FAILED"):
            raise ClientError({"Error": {"Code": "ValidationError", "Message": f"is in {self.status}"}}, "UpdateStack")
        self.updates.append(update)
        self.status = "UPDATE_IN_PROGRESS"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.regions.time.sleep", lambda _: None)


def test_a_stack_is_deployed_as_it_is_with_another_role() -> None:
    stacks = Stacks(RegionRole="passive", Environment="prod")
    assert regions.set_role(stacks, "stack", "active")
    (update,) = stacks.updates
    assert update["UsePreviousTemplate"] is True
    assert update["Parameters"] == [
        {"ParameterKey": "RegionRole", "ParameterValue": "active"},
        {"ParameterKey": "Environment", "UsePreviousValue": True},
    ]


def test_a_second_run_changes_nothing() -> None:
    stacks = Stacks(RegionRole="active")
    assert not regions.set_role(stacks, "stack", "active")
    assert stacks.updates == []


def test_an_interrupted_run_is_continued() -> None:
    stacks = Stacks("UPDATE_IN_PROGRESS", RegionRole="passive")
    assert regions.set_role(stacks, "stack", "active")


@pytest.mark.parametrize(
    ("stacks", "sentence"),
    [
        (Stacks(Environment="prod"), "no parameter RegionRole"),
        (Stacks(after="UPDATE_ROLLBACK_COMPLETE", RegionRole="passive"), "UPDATE_ROLLBACK_COMPLETE. Repair it"),
        (Stacks("UPDATE_ROLLBACK_FAILED", RegionRole="passive"), "cannot be updated"),
    ],
)
def test_a_stack_that_cannot_change_its_role_is_an_error(stacks: Stacks, sentence: str) -> None:
    with pytest.raises(regions.RegionError, match=sentence):
        regions.set_role(stacks, "stack", "active")


def test_two_regions_are_needed(aws_test_environment: None, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("failover", "failback", "status"):
        assert main(["region", command, "--region", "us-east-1", "--other", "us-east-1"]) == 1
        assert "is this region" in capsys.readouterr().err
    assert main(["region", "add", "us-east-1", "--region", "us-east-1", "--yes"]) == 1


def test_a_new_region_is_told_to_replicate_its_files_back(
    system: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy of the first region's parameters would replicate the second one to itself, or to nowhere."""
    monkeypatch.setenv("GENAI_IMAGES_PREFIX", PREFIX)
    monkeypatch.setattr(regions, "add_replica", lambda *_: True)
    monkeypatch.setattr(regions, "add_secret", lambda *_: True)
    monkeypatch.setattr(regions, "stream_arns", lambda *_: {"RequestsStreamArn": "arn:1", "GalleryStreamArn": "arn:2"})

    assert main(["region", "add", "us-west-2", "--region", "us-east-1", "--yes"]) == 0
    printed = capsys.readouterr().out
    for line in ("ReplicaOf=us-east-1", "ReplicaRegion=us-east-1", "RegionRole=passive", "GalleryStreamArn=arn:2"):
        assert f"  {line}\n" in printed
    assert "Then deploy us-east-1 with ReplicaRegion=us-west-2" in printed


@pytest.mark.parametrize(("parameters", "come_back"), [({"ReplicaRegion": "us-west-2"}, True), ({}, False)])
def test_files_come_back_only_if_the_stack_replicates_them_here(
    monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str], come_back: bool
) -> None:
    stacks = Stacks(RegionRole="active", **parameters)
    monkeypatch.setattr(region.Site, "client", lambda *_: stacks)
    site = region.Site(Connection(Target(PREFIX, region="us-east-1")), "stack")
    assert site.replicates_files_to("us-west-2") is come_back


class SharedItem:
    """The active region as one region knows it; ``replica`` learns it, as by replication."""

    def __init__(self, log: list[str], name: str, replica: "SharedItem | None" = None) -> None:
        self.log, self.name, self.replica = log, name, replica
        self.active: str | None = None

    def save_active_region(self, region: str) -> None:
        self.log.append(f"{self.name} knows that {region} is active")
        self.active = region
        if self.replica:
            self.replica.active = region

    def active_region(self) -> str | None:
        return self.active


class TwoSites:
    """The commands' sites, without AWS. They log what happens, in its order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log: list[str] = []
        self.unreachable = False
        self.open = ["request"]
        west = SharedItem(self.log, "us-west-2")
        self.items = {"us-west-2": west, "us-east-1": SharedItem(self.log, "us-east-1", replica=west)}
        monkeypatch.setattr(region.Site, "signals", property(lambda site: self.items[site.region]))
        monkeypatch.setattr(region.Site, "set_role", lambda site, role: self.set_role(site.region, role))
        self.files_come_back = True
        self.roles = {"us-east-1": "active", "us-west-2": "passive"}
        monkeypatch.setattr(region.Site, "role", lambda site: self.roles[site.region])
        monkeypatch.setattr(region.Site, "replicates_files_to", lambda _site, _region: self.files_come_back)
        monkeypatch.setattr(region.Site, "client", lambda _site, service: service)
        monkeypatch.setattr(region, "_open_ids", lambda _site: set(self.open))
        monkeypatch.setattr(region, "_forget_lost", lambda site, opened: self.forget(site.region, opened))
        monkeypatch.setattr(region, "_publish_open", lambda site: self.publish(site.region))
        monkeypatch.setattr(regions, "open_requests", lambda *_: iter(self.take()))
        monkeypatch.setattr(region, "recorded", lambda *_: nullcontext(Counter()))
        monkeypatch.setattr(region, "_after", lambda _: lambda: True)

    def set_role(self, name: str, role: str) -> bool:
        if name == "us-east-1" and self.unreachable:
            raise EndpointConnectionError(endpoint_url=f"https://cloudformation.{name}.amazonaws.com")
        self.log.append(f"{name} is {role}")
        self.roles[name] = role
        return True

    def forget(self, name: str, opened: Collection[str]) -> int:
        self.log.append(f"{name} looks for images of {len(opened)}")
        return 0

    def publish(self, name: str) -> int:
        self.log.append(f"{name} publishes")
        return 1

    def take(self) -> list[str]:
        """Return the open requests; the next call finds one less."""
        found = list(self.open)
        del self.open[:1]
        self.log.append(f"{len(found)} open")
        return found


@pytest.fixture
def sites(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSites]:
    with mock_aws():
        yield TwoSites(monkeypatch)


WEST = ["--region", "us-west-2", "--other", "us-east-1", "--yes", "--output", "json"]


def test_a_failover_makes_the_other_region_passive_first(sites: TwoSites, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["region", "failover", *WEST]) == 0
    assert sites.log == [
        "us-east-1 is passive",
        "us-east-1 knows that us-west-2 is active",  # and its replica knows: all that was written before is there
        "us-west-2 knows that us-west-2 is active",
        "us-west-2 looks for images of 1",
        "us-west-2 is active",
        "us-west-2 looks for images of 1",  # also those that the other region was generating
        "us-west-2 publishes",
    ]
    assert json.loads(capsys.readouterr().out)["fenced"] is True


def test_a_lost_region_does_not_prevent_a_failover(sites: TwoSites, capsys: pytest.CaptureFixture[str]) -> None:
    sites.unreachable = True
    assert main(["region", "failover", *WEST]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["fenced"] is False
    assert "us-east-1 could not be made passive" in captured.err
    assert "us-west-2 is active" in sites.log
    assert sites.log[-1] == "us-west-2 publishes"


def test_a_failover_does_not_wait_for_ever_for_replication(
    sites: TwoSites, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(region, "REPLICATION_SECONDS", 0)
    sites.items["us-east-1"].replica = None
    assert main(["region", "failover", *WEST]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["fenced"] is False, "it is to be run again"
    assert "us-east-1 has not replicated everything" in captured.err
    assert sites.log[-1] == "us-west-2 publishes"


def test_a_failback_ends_what_the_other_region_has_before_it_moves(sites: TwoSites) -> None:
    assert main(["region", "failback", *WEST]) == 0
    assert sites.log == [
        "us-east-1 knows that changing is active",
        "1 open",  # in the other region: wait
        "0 open",
        "0 open",  # here, too: everything is replicated
        "us-east-1 is passive",
        "us-east-1 knows that us-west-2 is active",  # here it is known once all the rest has arrived
        "us-west-2 is active",
        "us-west-2 publishes",
    ]


def test_a_failback_waits_for_no_passive_region(sites: TwoSites) -> None:
    """After an interruption between both updates, neither region is active."""
    sites.roles = {"us-east-1": "passive", "us-west-2": "passive"}
    assert main(["region", "failback", *WEST]) == 0
    assert "1 open" not in sites.log
    assert sites.log[-2:] == ["us-west-2 is active", "us-west-2 publishes"]


def test_a_failback_interrupted_late_closes_nothing_again(sites: TwoSites) -> None:
    sites.roles = {"us-east-1": "passive", "us-west-2": "active"}
    sites.items["us-west-2"].active = "us-west-2"
    assert main(["region", "failback", *WEST]) == 0
    assert sites.log == ["us-west-2 is active", "us-west-2 publishes"]


def test_a_failback_needs_the_other_region(sites: TwoSites) -> None:
    sites.unreachable = True
    assert main(["region", "failback", *WEST]) == 1
    assert "us-west-2 is active" not in sites.log


def test_a_failback_says_that_files_stay_without_their_replication(
    sites: TwoSites, capsys: pytest.CaptureFixture[str]
) -> None:
    sites.files_come_back = False
    assert main(["region", "failback", *WEST]) == 0
    assert "us-east-1 has not ReplicaRegion=us-west-2" in capsys.readouterr().err
