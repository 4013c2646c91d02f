"""Every store of personal data is described where it is declared, and something enforces its retention.

docs/privacy.md is generated from the descriptions; `tools.docs` compares it.
"""

import gc
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from kit.request_age import LEAST_RETENTION
from services.operations.audit.rules import LEDGER_RETENTION
from services.operations.dead_letters.connect import connect
from services.operations.settings import ApiSettings
from services.privacy.platform import FLOW_LOGS, REFUSED_CALLS, SOCKET_LOGS, WORKER_LOGS, remains
from services.privacy.settings import CollectSettings
from tests.contract.test_templates import DEAD_LETTER_RETENTION
from tests.support import templates
from tests.support.functions import imported
from tests.support.templates import ROOT, Resource
from tools.docs.privacy import PARAMETER, STORES, Deployed, deployed_stores, stores, stores_table

DEPLOYED: Final = deployed_stores(ROOT)
PERSONAL: Final = [each for each in DEPLOYED if each.store().is_personal]
PARAMETERS: Final[dict[str, Any]] = templates.root_template()["Parameters"]
DAY: Final = 24 * 3600
OPTIONAL_LOGS: Final = {
    "VPC_MODE": ("VpcMode", "private", FLOW_LOGS),
    "GENERATION_WORKER": ("GenerationWorker", "fargate", WORKER_LOGS),
    "SOCKET_ACCESS_LOGS": ("SocketAccessLogs", "on", SOCKET_LOGS),
    "FIREWALL": ("Firewall", "on", REFUSED_CALLS),
}
"""Variable of privacy.collect → parameter of its template, the value with which a log exists, and the log."""


def of_type(kind: str) -> pytest.MarkDecorator:
    """Return a decorator that runs a test for every store of a type with personal data."""
    found = [each for each in PERSONAL if each.type == kind]
    assert found
    return pytest.mark.parametrize("deployed", found, ids=str)


def named_parameters(deployed: Deployed) -> set[str]:
    """Return the parameters that the retention of a store names."""
    return set(PARAMETER.findall(deployed.store().retention))


def nested_parameters(template: str) -> dict[str, Any]:
    """Return the parameters that the root template passes to a nested one."""
    found: dict[str, Any] = next(
        body["Properties"]["Parameters"]
        for body in templates.root_template()["Resources"].values()
        if body["Type"] == "AWS::Serverless::Application" and body["Properties"]["Location"] == template
    )
    return found


def chosen(value: Any) -> Any:
    """Return ``value``, or what it is if its condition holds."""
    return value["Fn::If"][1] if isinstance(value, dict) and "Fn::If" in value else value


# Descriptions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deployed", DEPLOYED, ids=str)
def test_a_store_has_an_entry_with_the_name_of_its_service(deployed: Deployed) -> None:
    assert re.fullmatch(rf"{deployed.service}/[a-z][a-z-]+", deployed.store().name)


def test_only_log_groups_of_a_service_share_a_name() -> None:
    names = [each.store().name for each in DEPLOYED if not each.store().name.endswith("/logs")]

    assert sorted(names) == sorted(set(names))
    assert {each.type for each in DEPLOYED if each.store().name.endswith("/logs")} == {"AWS::Logs::LogGroup"}


def test_the_document_names_every_store() -> None:
    text = stores_table(ROOT)

    assert text in (ROOT / "docs/privacy.md").read_text()
    assert [each for each in DEPLOYED if f"`{each.store().name}`" not in text] == []


@pytest.mark.parametrize("type_", STORES)
def test_a_store_without_an_entry_is_found(type_: str) -> None:
    with pytest.raises(ValueError, match="intake-Forgotten: add Metadata"):
        Deployed("intake", "Forgotten", {"Type": type_, "Properties": {}}).store()


@pytest.mark.parametrize("field", ["Store", "Data", "Purpose", "Retention", "Erasure"])
def test_an_entry_without_a_field_is_found(field: str) -> None:
    entry = {name: "text" for name in ("Store", "Data", "Purpose", "Retention", "Erasure") if name != field}
    name = "name" if field == "Store" else field.lower()

    with pytest.raises((ValueError, TypeError), match=name):
        Deployed("intake", "Table", {"Type": STORES[0], "Metadata": {"PersonalData": entry}}).store()


# Mechanisms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deployed", PERSONAL, ids=str)
def test_a_named_parameter_exists_and_reaches_the_template(deployed: Deployed) -> None:
    named = named_parameters(deployed)

    assert named <= PARAMETERS.keys()
    if deployed.service != "platform":
        for name in named:
            assert nested_parameters(deployed.template)[name] == {"Ref": name}


@of_type("AWS::DynamoDB::Table")
def test_a_table_deletes_expired_items(deployed: Deployed) -> None:
    named = named_parameters(deployed)

    assert named
    assert deployed.properties["TimeToLiveSpecification"]["Enabled"] is True
    variables = [
        function.properties["Environment"]["Variables"]
        for function in templates.resources("AWS::Serverless::Function")
        if function.service == deployed.service
    ]
    for name in named:
        assert any(values.get(variable_of(name)) == {"Ref": name} for values in variables), "no function knows it"


@of_type("AWS::S3::Bucket")
def test_a_bucket_has_a_lifecycle(deployed: Deployed) -> None:
    rules = [chosen(rule) for rule in deployed.properties["LifecycleConfiguration"]["Rules"]]

    assert all(rule["Status"] == "Enabled" for rule in rules)
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules), "parts of uploads would stay"
    expirations = [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule]
    fixed = [days for days in expirations if isinstance(days, int)]
    assert all(f"{days} days" in deployed.store().retention for days in fixed)
    assert sorted(days["Ref"] for days in expirations if days not in fixed) == sorted(named_parameters(deployed))
    assert any("NoncurrentVersionExpiration" in rule for rule in rules) is (
        "VersioningConfiguration" in deployed.properties
    )
    assert named_parameters(deployed) or deployed.store().retention.startswith("Until the owner deletes")


@of_type("AWS::SQS::Queue")
def test_a_queue_states_its_retention(deployed: Deployed) -> None:
    days = re.search(r"at most (\d+) days", deployed.store().retention)

    assert days is not None
    assert deployed.properties["MessageRetentionPeriod"] == int(days[1]) * DAY


@of_type("AWS::Logs::LogGroup")
def test_a_log_group_states_its_retention(deployed: Deployed) -> None:
    assert named_parameters(deployed) == {deployed.properties["RetentionInDays"]["Ref"]}


@of_type("AWS::Events::Archive")
def test_an_archive_states_its_retention(deployed: Deployed) -> None:
    assert named_parameters(deployed) == {deployed.properties["RetentionDays"]["Ref"]}


@pytest.mark.parametrize("mapping", templates.resources("AWS::Lambda::EventSourceMapping"), ids=str)
def test_a_stream_does_not_deliver_expired_items(mapping: Resource) -> None:
    """DynamoDB's own deletions are in the stream. They have no new image, and nothing is to be published for them."""
    if "FilterCriteria" not in mapping.properties:
        assert "ScalingConfig" in mapping.properties, "a stream needs a filter"
        return
    for part in ("REQUEST", "STATE"):
        record = {"eventName": "REMOVE", "dynamodb": {"Keys": {"sk": {"S": part}}, "OldImage": {}}}
        patterns = [json.loads(each["Pattern"]) for each in mapping.properties["FilterCriteria"]["Filters"]]
        assert not any(templates.admits(pattern, record) for pattern in patterns)


# Parameters ----------------------------------------------------------------------------------------------------------


def variable_of(parameter: str) -> str:
    """Return the environment variable of a parameter."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", parameter).upper()


def test_the_group_has_every_retention() -> None:
    (group,) = templates.root_template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    used = {name for store in stores(ROOT) for name in PARAMETER.findall(store.retention)}

    assert group["Label"] == {"default": "Retention"}
    assert set(group["Parameters"]) == {name for name in PARAMETERS if PARAMETER.fullmatch(name)}
    assert set(group["Parameters"]) == used


def test_requests_outlive_everything_that_refers_to_them() -> None:
    """Otherwise the audit would report payments and dead letters of unknown requests."""
    least, most = ({name: value.get(key) for name, value in PARAMETERS.items()} for key in ("MinValue", "MaxValue"))
    queued = 2 * DEAD_LETTER_RETENTION / DAY  # in the queue of a step, then among its dead letters
    deadline = most["RequestDeadlineMinutes"] / (24 * 60)

    assert timedelta(days=least["RequestRetentionDays"]) == LEAST_RETENTION
    assert least["RequestRetentionDays"] > deadline + queued + most["QuarantineRetentionDays"]
    assert least["RequestRetentionDays"] > deadline + queued / 2 + most["LedgerRetentionDays"]
    assert least["LedgerRetentionDays"] > most["HandoffRetentionDays"]
    assert timedelta(days=least["LedgerRetentionDays"]) > LEDGER_RETENTION
    assert least["HandoffRetentionDays"] > queued
    assert least["DeliveryRetentionDays"] * DAY >= DEAD_LETTER_RETENTION


USERS: Final = sorted(
    {
        (str(function), name)
        for function in templates.resources("AWS::Serverless::Function")
        for name, value in function.properties["Environment"]["Variables"].items()
        if isinstance(value, dict) and PARAMETER.fullmatch(str(value.get("Ref")))
    }
)
"""Functions and their environment variables with a retention."""


@pytest.mark.parametrize(("name", "variable", "days"), [(*user, 61 + number) for number, user in enumerate(USERS)])
def test_a_retention_reaches_the_code(name: str, variable: str, days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    function = next(each for each in templates.resources("AWS::Serverless::Function") if str(each) == name)
    original = templates.environment
    monkeypatch.setattr(templates, "environment", lambda each: {**original(each), variable: str(days)})

    with imported(function, monkeypatch):
        # operations connects at its first use of a queue, because its health check needs none.
        session = connect(ApiSettings.load()) if name == "operations-apiFunction" else None
        assert set(holders(timedelta(days=days))), session


def holders(value: timedelta) -> Iterator[str]:
    """Yield the types of our objects that have an attribute with this value. It differs for each test."""
    for each in gc.get_objects():
        if (
            str(type(each).__module__).startswith(("services.", "kit."))
            and value in getattr(each, "__dict__", {}).values()
        ):
            yield type(each).__name__


def test_code_and_template_have_the_same_defaults() -> None:
    """The command line uses those of the code if it finds no stack."""
    settings = "\n".join(path.read_text() for path in sorted(ROOT.glob("services/*/settings.py")))
    found = dict(re.findall(r"^    (\w+_retention_days): int = (\d+)$", settings, re.MULTILINE))

    assert found
    for field, default in found.items():
        parameter = "".join(word.capitalize() for word in field.split("_"))
        assert int(default) == PARAMETERS[parameter]["Default"]


# Receipts of erasures ------------------------------------------------------------------------------------------------


def is_nested(body: Any) -> bool:
    """Return whether a resource of the root template is a nested stack."""
    return bool(body["Type"] == "AWS::Serverless::Application")


def named_by_receipts(monkeypatch: pytest.MonkeyPatch, **variables: str) -> set[str]:
    """Return the stores that a receipt names as remaining, with these variables of privacy.collect."""
    (collect,) = [each for each in templates.resources("AWS::Serverless::Function") if each.name == "collectFunction"]
    for name, value in (templates.environment(collect) | variables).items():
        monkeypatch.setenv(name, value)
    return {each.store for each in remains(datetime(2026, 11, 29, tzinfo=UTC), CollectSettings.load().retentions())}


def test_a_receipt_names_the_logs_that_always_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log is optional if it, or the template that contains it, has a condition."""
    applications = templates.root_template()["Resources"].values()
    conditional = {each["Properties"]["Location"] for each in applications if "Condition" in each and is_nested(each)}
    logs = [each for each in PERSONAL if each.type == "AWS::Logs::LogGroup"]
    optional = {each.store().name for each in logs if "Condition" in each.body or each.template in conditional}

    assert optional == {log for _, _, log in OPTIONAL_LOGS.values()}
    assert {each.store().name for each in logs} & named_by_receipts(monkeypatch) == {
        each.store().name for each in logs
    } - optional


@pytest.mark.parametrize("variable", OPTIONAL_LOGS)
def test_a_receipt_names_a_log_of_an_option_only_with_the_option(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameter, value, log = OPTIONAL_LOGS[variable]
    (collect,) = [each for each in templates.resources("AWS::Serverless::Function") if each.name == "collectFunction"]
    passed = nested_parameters("services/privacy/template.yaml")[parameter]

    assert collect.properties["Environment"]["Variables"][variable] == {"Ref": parameter}
    assert passed == ({"Fn::If": ["BehindFirewall", "on", "off"]} if parameter == "Firewall" else {"Ref": parameter})
    assert log not in named_by_receipts(monkeypatch)
    assert log in named_by_receipts(monkeypatch, **{variable: value})


def test_a_worker_of_the_operator_has_a_log_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "/aws/lambda/genai-images-prod-generation-worker" in (ROOT / "docs/kubernetes.md").read_text()
    assert WORKER_LOGS in named_by_receipts(monkeypatch, GENERATION_WORKER="external")
