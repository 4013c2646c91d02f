"""The cache of ``Cache=valkey``: who reaches it, who may sign in, and what they may do there. ADR 42, docs/caching.md.

The emulator has no ElastiCache: the template is only linted. Its access string is tried on a Valkey server here.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from moto import mock_aws
from valkey import Valkey
from valkey.exceptions import NoPermissionError

from kit.cache import PAUSE_SECONDS, Cache, client
from kit.clock import SystemClock
from kit.metrics import CATALOG
from local.emulator import free_port
from local.parameters import problems
from local.valkey import ValkeyServer
from services.accounts.repository.cached import CachedPreferences, PreferenceCopies
from services.intake.models import Window
from services.intake.repository.cached import CachedDurations, CachedRates
from services.intake.repository.rates import RateTable
from services.operations.readiness_cache import SharedReadiness
from tests.integration.accounts.test_repository import CountedPreferences
from tests.integration.operations.test_readiness_cache import FOUND
from tests.support import templates
from tests.support.templates import ROOT, Resource
from tests.unit.intake.fakes import InMemoryDurations

TEMPLATE: Final = templates.load(ROOT / "services/operations/cache.yaml")["Resources"]
NAME: Final = {"Fn::Sub": "${Prefix}-cache"}
USES: Final = ("rate_store(", "duration_store(", "preference_store(", "connected(")
FUNCTIONS: Final = templates.resources("AWS::Serverless::Function")


def handler_of(function: Resource) -> Path:
    """Return the file of a function's handler."""
    return ROOT / f"{function.properties['Handler'].rpartition('.')[0].replace('.', '/')}.py"


# Template ------------------------------------------------------------------------------------------------------------


def test_there_is_no_cache_by_default() -> None:
    root = templates.root_template()

    assert root["Parameters"]["Cache"]["Default"] == "none"
    assert root["Resources"]["CacheLayer"]["Condition"] == "HasCache"
    assert root["Resources"]["ElastiCache"]["Condition"] == "HasElastiCache"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"Cache": "valkey"}, "Set VpcMode to private"),
        ({"Cache": "valkey", "VpcMode": "private"}, None),
        ({"Cache": "valkey", "EmulatorHost": "127.0.0.1:4580", "CacheAddress": "127.0.0.1:6379"}, None),
        ({"Cache": "valkey", "VpcMode": "private", "CacheAddress": "127.0.0.1:6379"}, "Set CacheAddress to nothing"),
        ({"EmulatorHost": "127.0.0.1:4580", "CacheAddress": "127.0.0.1:6379"}, "Set Cache to valkey"),
        ({"Cache": "redis"}, "must be none or valkey"),
    ],
)
def test_wrong_parameters_are_refused_before_the_build(values: dict[str, str], named: str | None) -> None:
    found = problems(templates.root_template(), values, "us-west-2")

    assert (named in " ".join(found)) if named else found == []


def test_the_cache_is_limited_and_needs_no_secret() -> None:
    cache, user = TEMPLATE["Cache"]["Properties"], TEMPLATE["User"]["Properties"]

    assert cache["CacheUsageLimits"] == {
        "DataStorage": {"Maximum": 1, "Unit": "GB"},
        "ECPUPerSecond": {"Maximum": 5000},
    }
    assert cache["ServerlessCacheName"] == user["UserId"] == user["UserName"] == NAME
    assert cache["UserGroupId"] == {"Ref": "UserGroup"}
    assert TEMPLATE["UserGroup"]["Properties"]["UserIds"] == [{"Ref": "User"}]
    assert user["AuthenticationMode"] == {"Type": "iam"}
    assert "SnapshotRetentionLimit" not in cache


def test_only_functions_of_the_private_group_reach_the_cache() -> None:
    (ingress,) = TEMPLATE["CacheGroup"]["Properties"]["SecurityGroupIngress"]
    egress = TEMPLATE["ClientEgress"]["Properties"]
    passed = templates.root_template()["Resources"]["ElastiCache"]["Properties"]["Parameters"]

    assert ingress["SourceSecurityGroupId"] == egress["GroupId"] == {"Ref": "ClientGroupId"}
    assert {ingress["FromPort"], ingress["ToPort"], egress["FromPort"], egress["ToPort"]} == {6379}
    assert egress["DestinationSecurityGroupId"] == {"Ref": "CacheGroup"}
    assert passed["ClientGroupId"] == {"Fn::GetAtt": ["Network", "Outputs.PrivateGroupId"]}


def test_an_alarm_rings_if_the_cache_fails_any_service_that_uses_it() -> None:
    alarm = TEMPLATE["FailuresAlarm"]["Properties"]
    total, *metrics = alarm["Metrics"]
    watched = [each["MetricStat"] for each in metrics]
    using = {each.service for each in FUNCTIONS if any(call in handler_of(each).read_text() for call in USES)}

    assert total["Expression"] == "SUM(METRICS())"
    assert [each for each in metrics if each["ReturnData"] is not False] == []
    assert {each["Metric"]["Dimensions"][0]["Value"] for each in watched} == using
    for each in watched:
        assert each["Metric"]["Namespace"] == {"Ref": "Prefix"}
        assert CATALOG[each["Metric"]["MetricName"]].dimensions == ()
        assert [name["Name"] for name in each["Metric"]["Dimensions"]] == ["service"]
    assert alarm["TreatMissingData"] == "notBreaching", "a cache that works publishes nothing"
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


def test_the_alarm_ignores_cold_starts_but_not_a_cache_that_is_down() -> None:
    """An environment fails at most once per pause, and one that starts at most once."""
    alarm = TEMPLATE["FailuresAlarm"]["Properties"]
    (period,) = {each["MetricStat"]["Period"] for each in alarm["Metrics"][1:]}

    assert period / PAUSE_SECONDS > alarm["Threshold"] > 1
    assert alarm["EvaluationPeriods"] * period == 15 * 60


def test_the_alarm_links_to_the_runbook() -> None:
    text = TEMPLATE["FailuresAlarm"]["Properties"]["AlarmDescription"]["Fn::Sub"]

    assert text.endswith("${RunbookUrl}#the-cache-is-unavailable")
    runbook = (ROOT / "docs/runbook.md").read_text()
    assert "\n## The cache is unavailable\n" in runbook
    assert "`…-cache-failures`" in runbook


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_functions_that_use_the_cache_may_sign_in_and_no_others(function: Resource) -> None:
    uses_cache = any(call in handler_of(function).read_text() for call in USES)
    found = [each for each in templates.statements(function) if each["Action"] == "elasticache:Connect"]

    assert len(found) == uses_cache
    for statement in found:
        assert [arn.rpartition("${AWS::AccountId}:")[2] for arn in templates.flat(statement["Resource"])] == [
            "serverlesscache:${Prefix}-cache",
            "user:${Prefix}-cache",
        ]


@pytest.mark.parametrize(
    "service", sorted({each.service for each in FUNCTIONS if "CACHE_NAME" in templates.environment(each)})
)
def test_a_service_has_the_client_and_the_name_only_with_a_cache(service: str) -> None:
    template = templates.service_template(service)
    passed = templates.root_template()["Resources"][service.capitalize()]["Properties"]["Parameters"]

    assert template["Globals"]["Function"]["Environment"]["Variables"]["CACHE_NAME"]["Fn::If"] == [
        "HasElastiCache",
        NAME,
        "",
    ]
    assert passed["LayerArn"] == {"Fn::If": ["HasCache", {"Ref": "CacheLayer"}, {"Ref": "SharedLayer"}]}
    assert passed["ElastiCache"] == {"Fn::If": ["HasElastiCache", "on", "off"]}


# Access string -------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(tmp_path: Path) -> Any:
    """Yield a client with the permissions of the template's user."""
    server = ValkeyServer(tmp_path, port=free_port())
    server.start()
    try:
        server.wait_until_ready()
        rules = TEMPLATE["User"]["Properties"]["AccessString"].split()
        client(server.address, "").execute_command("ACL", "SETUSER", "function", ">word", *rules)
        host, _, port = server.address.partition(":")
        yield Valkey(
            host=host,
            port=int(port),
            username="function",
            password="word",
            lib_name=None,
            lib_version=None,
            decode_responses=True,
        )
    finally:
        server.stop()


def test_the_user_may_do_what_the_functions_do(limited: Any) -> None:
    with mock_aws():
        cache, window = Cache(limited, seconds=10), Window("key", int(datetime.now(UTC).timestamp()), 900)
        rates = CachedRates(cache, RateTable(boto3.client("dynamodb", region_name="us-east-1"), "none"))
        assert rates.increment(window, 2, 9, 9)[0]
        rates.refund(window, "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e01", 1, blocked=True)
        assert (rates.close(window).count, rates.close(window).blocked) == (1, 1)
    durations, shared = CachedDurations(cache, InMemoryDurations()), SharedReadiness(cache, "v1")
    durations.read()
    durations.write({"model": 1.0})
    shared.write(FOUND)
    shared.ping()
    assert shared.read() == FOUND
    table = CountedPreferences()
    preferences = CachedPreferences(cache, table)
    assert preferences.preferences("own_a") == preferences.preferences("own_a")
    assert table.reads == 1
    assert PreferenceCopies(cache, SystemClock()).delete("own_a") is None


@pytest.mark.parametrize("command", ["FLUSHALL", "KEYS *", "CONFIG GET *", "GET other:key", "ACL WHOAMI", "SCAN 0"])
def test_the_user_may_do_nothing_else(limited: Any, command: str) -> None:
    with pytest.raises(NoPermissionError):
        limited.execute_command(*command.split())
