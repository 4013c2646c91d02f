"""Deploying to an account: refused parameters, the command for SAM, and the environment of later commands."""

import shlex
import subprocess
import sys

import pytest

from local import samconfig
from local.account import RefusedError, parameters, sam_deploy
from local.build import SAM_PYTHON, version
from local.parameters import problems
from local.state import account_environment
from tests.support import templates
from tests.support.templates import ROOT

PROD = "AlarmEmail=ops@example.com DailyBudgetUsd=20 MonthlyBudgetUsd=300"
EMPTY = {"AlarmEmail": "", "DailyBudgetUsd": "0", "MonthlyBudgetUsd": "0"}


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_an_environment_is_deployed_as_it_is(environment: str) -> None:
    merged = parameters(samconfig.load(environment), "")

    assert merged["Environment"] == environment
    assert merged["Version"] == version() != ""


def test_prod_without_alarms_and_budgets_is_refused_with_all_reasons() -> None:
    with pytest.raises(RefusedError) as refused:
        parameters(samconfig.load("prod"), "")

    for name in ("AlarmEmail", "MonthlyBudgetUsd"):
        assert f"Set {name}." in str(refused.value)
    assert "Set DailyBudgetUsd" not in str(refused.value), "it has a default"
    assert "make deploy AWS=1 ENV=prod PARAMETERS=" in str(refused.value)
    assert parameters(samconfig.load("prod"), PROD)["DailyBudgetUsd"] == "20"


@pytest.mark.parametrize("missing", PROD.split())
def test_prod_needs_each_of_them(missing: str) -> None:
    name = missing.partition("=")[0]
    given = " ".join(f"{name}={EMPTY[name]}" if pair == missing else pair for pair in PROD.split())

    with pytest.raises(RefusedError, match=f"Set {name}"):
        parameters(samconfig.load("prod"), given)


def test_prod_keeps_its_data() -> None:
    with pytest.raises(RefusedError, match="Set DataRetention to Retain"):
        parameters(samconfig.load("prod"), f"{PROD} DataRetention=Delete")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("DailyBudgetUsd=-1", "DailyBudgetUsd=-1: must be 0 (no limit) or more US dollars per day."),
        ("MonthlyBudgetUsd=much", "MonthlyBudgetUsd=much: must be 0 (no budget) or more US dollars per month."),
        ("AlarmEmail=ops", "AlarmEmail=ops: must be an e-mail address, or empty."),
        ("Cdn=maybe", "Cdn=maybe: Parameter 'Cdn' value 'maybe' is not in AllowedValues"),
        ("LogRetentionDays=31", "LogRetentionDays=31: must be a number of days that CloudWatch Logs offers"),
        ("BatchingWindowSeconds=61", "BatchingWindowSeconds=61: must be 1 to 60 seconds."),
        ("ModerationModelArns=*", "ModerationModelArns=*: must be ARNs of foundation models"),
        ("DailyBudget=1", "DailyBudget: template.yaml has no such parameter."),
        ("Runtime=python3.12", "set Runtime in samconfig.toml"),
        ("Environment=prod", "Environment belongs to the stack"),
        ("DailyBudgetUsd", "DailyBudgetUsd is not Name=value"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_rule(given: str, sentence: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parameters(samconfig.load("dev"), given)

    assert sentence in str(refused.value)


@pytest.mark.parametrize("name", ["prod-eu", "p", "Prod", "1prod", "averylongname"])
def test_an_environment_name_has_no_hyphen_and_fits(name: str) -> None:
    (problem,) = problems(templates.root_template(), {"Environment": name}, "us-west-2")

    assert problem.endswith("must have 2 to 12 lower-case letters or digits and start with a letter.")


def test_a_region_without_the_default_moderation_model_is_refused() -> None:
    template = templates.root_template()

    (problem,) = problems(template, {}, "eu-central-1")
    assert "Deploy to us-east-1, us-east-2 or us-west-2" in problem
    assert problems(template, {"ModerationModelId": "eu.anthropic.claude-haiku-5-5"}, "eu-central-1") == []
    assert problems(template, {}, "us-east-2") == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"GuardrailId": "a1b2c3d4e5f6", "GuardrailVersion": "3"}, []),
        ({"GuardrailId": "a1b2c3d4e5f6"}, ["Set GuardrailVersion"]),
        ({"GuardrailVersion": "3"}, ["Set GuardrailId"]),
        ({"GuardrailId": "a1b2c3d4e5f6", "GuardrailVersion": "DRAFT"}, ["GuardrailVersion=DRAFT: must be a published"]),
        (
            {"GuardrailId": "arn:aws:bedrock:x", "GuardrailVersion": "3"},
            ["GuardrailId=arn:aws:bedrock:x: must be the id"],
        ),
    ],
)
def test_a_guardrail_has_an_id_and_a_published_version(values: dict[str, str], expected: list[str]) -> None:
    found = problems(templates.root_template(), values, "us-west-2")
    assert len(found) == len(expected)
    assert all(sentence.startswith(start) for sentence, start in zip(found, expected, strict=True))


CERTIFICATE = "arn:aws:acm:{}:123456789012:certificate/0123abcd-01ab-01ab-01ab-0123456789ab"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/web/0123abcd-01ab-01ab-01ab-0123456789ab"
DOMAIN = {"DomainName": "images.example.com", "CertificateArn": CERTIFICATE.format("us-east-1")}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"Edge": "on"}, []),
        (DOMAIN, []),
        ({**DOMAIN, "Edge": "on", "HostedZoneId": "Z0123456789ABC"}, []),
        ({"Edge": "on", "WebAclArn": WEB_ACL}, []),
        ({"Edge": "on", "Cdn": "off"}, ["Set Cdn to on, or Edge to off."]),
        ({**DOMAIN, "Cdn": "off"}, ["Set Cdn to on, or DomainName to nothing."]),
        ({"DomainName": "images.example.com"}, ["Set CertificateArn"]),
        ({"CertificateArn": CERTIFICATE.format("us-east-1")}, ["Set DomainName"]),
        ({"HostedZoneId": "Z0123456789ABC"}, ["Set DomainName"]),
        ({"Waf": "on"}, ["Set Edge to on, or Waf to off.", "Set Waf to off, and WebAclArn"]),
        ({"WebAclArn": WEB_ACL}, ["Set Edge to on, or WebAclArn to nothing."]),
        ({"EmulatorCdn": "127.0.0.1:4581"}, ["Set EmulatorCdn to nothing."]),
        ({"Edge": "on", "Waf": "on"}, ["Set Waf to off, and WebAclArn"]),
        ({**DOMAIN, "CertificateArn": CERTIFICATE.format("us-west-2")}, ["CertificateArn=arn:aws:acm:us-west-2"]),
        ({**DOMAIN, "DomainName": "Images.example.com"}, ["DomainName=Images.example.com: must be a domain"]),
        ({"Edge": "on", "WebAclArn": WEB_ACL.replace("global", "regional")}, ["WebAclArn=arn"]),
    ],
)
def test_the_edge_needs_what_belongs_to_it(values: dict[str, str], expected: list[str]) -> None:
    found = problems(templates.root_template(), values, "us-west-2")
    assert len(found) == len(expected), found
    assert all(sentence.startswith(start) for sentence, start in zip(found, expected, strict=True))


def test_the_web_acl_is_part_of_the_stack_in_one_region_only() -> None:
    template = templates.root_template()

    assert problems(template, {"Edge": "on", "Waf": "on"}, "us-east-1") == []
    (both,) = problems(template, {"Edge": "on", "Waf": "on", "WebAclArn": WEB_ACL}, "us-east-1")
    assert both.startswith("Set Waf to off, or WebAclArn to nothing.")


def test_the_region_rule_names_the_default_model_and_its_regions() -> None:
    template = templates.root_template()
    rule, declared = template["Rules"]["Region"], template["Parameters"]
    regions = [arn.split(":")[3] for arn in declared["ModerationModelArns"]["Default"].split(",")]

    assert rule["RuleCondition"]["Fn::Equals"][1] == declared["ModerationModelId"]["Default"]
    assert rule["Assertions"][0]["Assert"]["Fn::Contains"][0] == regions


def test_every_constraint_is_explained() -> None:
    for name, parameter in templates.root_template()["Parameters"].items():
        if parameter.keys() & {"AllowedPattern", "MinValue", "MaxValue", "MaxLength"}:
            assert parameter["ConstraintDescription"].startswith("must "), name


def test_sam_reads_every_value_as_it_was_written() -> None:
    """SAM splits values at spaces and quotes; its own parser runs in its own environment."""
    values = {"CustomModels": '{"mine": {"arn": "arn:a b", "family": "sdxl"}}', "AllowedOrigins": "https://a,https://b"}
    command = sam_deploy("prod", values, ["--no-confirm-changeset"])
    start = command.index("--parameter-overrides") + 1
    script = (
        "import sys; from samcli.cli.types import CfnParameterOverridesType as T;"
        "print(T().convert(sys.argv[1:], None, None))"
    )
    done = subprocess.run(
        [SAM_PYTHON, "-c", script, *command[start : start + len(values)]],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == str(values)
    assert command[-1] == "--no-confirm-changeset"


def test_a_refused_deployment_ends_before_the_build() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.account", "--env", "prod"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("genai-images-prod cannot be deployed:\n")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(samconfig.UnknownEnvironmentError, match="dev, prod, staging"):
        samconfig.load("local")


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_commands_find_the_deployed_environment(name: str) -> None:
    environment = account_environment(samconfig.load(name))

    assert environment["GENAI_IMAGES_STACK"] == environment["GENAI_IMAGES_PREFIX"] == f"genai-images-{name}"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-west-2"


@pytest.mark.parametrize("target", ["deploy", "build"])
def test_make_passes_the_environment(target: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", target, "AWS=1", "ENV=prod", "ARGS=--no-confirm-changeset"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    module = {"deploy": "local.account", "build": "local.build"}[target]
    assert ["-m", module, "--env", "prod"] in [shlex.split(line)[1:5] for line in done.stdout.splitlines()]
