"""docs/deploy.md agrees with the templates and the command line, and one switch turns CloudFront off."""

import re
from typing import Any

import pytest

from cli.__main__ import cli
from cli.account.checks import PERMISSIONS
from tests.support import templates
from tests.support.templates import ROOT
from tools.docs.sections import insert

DEPLOY = (ROOT / "docs/deploy.md").read_text()
CLOUDFRONT = "AWS::CloudFront::"


def test_the_document_names_every_permission_of_the_check() -> None:
    section = DEPLOY.partition("## Permissions of operators")[2].partition("\n`keys`")[0]

    assert set(re.findall(r"`([a-z]+:[A-Za-z]+)`", section)) == set(PERMISSIONS)


def test_the_document_counts_what_is_created() -> None:
    for count, what, kind in re.findall(r"(\d+) (functions|tables|buckets|secrets|queues)()", DEPLOY):
        types = {
            "functions": "AWS::Serverless::Function",
            "tables": "AWS::DynamoDB::Table",
            "buckets": "AWS::S3::Bucket",
            "secrets": "AWS::SecretsManager::Secret",
            "queues": "AWS::SQS::Queue",
        }
        root = [body for body in templates.root_template()["Resources"].values() if body["Type"] == types[what]]
        by_default = [each for each in templates.resources(types[what]) if each.body.get("Condition") != "BehindEdge"]
        assert int(count) == len(by_default) + len(root), f"{what}{kind}"


@pytest.mark.parametrize("command", sorted(set(re.findall(r'make ops [^\n`]*ARGS="([a-z ]+)"', DEPLOY))))
def test_the_documents_commands_exist(command: str) -> None:
    group: Any = cli
    for word in command.split():
        group = group.commands[word]

    assert group.help


def test_one_parameter_turns_both_distributions_off() -> None:
    root = templates.root_template()
    storage = templates.service_template("storage")

    assert root["Conditions"]["HasCdn"] == {"Fn::Equals": [{"Ref": "Cdn"}, "on"]}
    assert root["Resources"]["Web"]["Condition"] == "HasCdn"
    assert all(root["Outputs"][name]["Condition"] == "HasCdn" for name in ("WebBucketName", "WebUrl"))
    assert root["Resources"]["Storage"]["Properties"]["Parameters"]["Cdn"] == {
        "Fn::If": ["OnAws", {"Ref": "Cdn"}, {"Fn::If": ["HasEmulatorCdn", "on", "off"]}]
    }
    for body in storage["Resources"].values():
        assert not body["Type"].startswith(CLOUDFRONT) or body["Condition"] == "HasCdn"
    others = {*templates.services()} - {"storage", "web"}
    assert not [
        name
        for service in others
        for name, body in templates.service_template(service)["Resources"].items()
        if body["Type"].startswith(CLOUDFRONT)
    ]


def test_only_the_web_app_answers_404_for_a_missing_file() -> None:
    """CloudFront needs ListBucket for a 404, and with it the gallery's keys could be listed at its root."""
    allowed = {
        service: [
            templates.flat(statement["Action"])
            for policy in templates.resources("AWS::S3::BucketPolicy")
            if policy.service == service
            for statement in policy.properties["PolicyDocument"]["Statement"]
            for statement in [statement["Fn::If"][1] if "Fn::If" in statement else statement]
            if statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        ]
        for service in ("web", "storage")
    }

    assert allowed == {"web": [["s3:GetObject"], ["s3:ListBucket"]], "storage": [["s3:GetObject"]]}
    distribution = templates.service_template("web")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    assert distribution["DefaultRootObject"] == "index.html", "the root must not list the bucket"


def test_a_section_is_replaced_between_its_comments() -> None:
    text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n"

    assert insert(text, "x", "new\n") == "a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb\n"
    with pytest.raises(ValueError, match="begin y"):
        insert(text, "y", "new\n")
