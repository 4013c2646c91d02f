"""Images are delivered as promised: signed, private, and for the time that every document says."""

import json
import re
from typing import Any, Final

import pytest

from kit.signed_urls import EXPIRES_SECONDS, WIDTH, WIDTHS
from services.storage.models import DERIVED
from tests.support import templates
from tests.support.templates import ROOT

PROMISE: Final = f"{EXPIRES_SECONDS // 60} minutes"
STORAGE: Final = templates.service_template("storage")["Resources"]
WITH_LINKS: Final = ("apiFunction", "facadeFunction")


def behaviour() -> Any:
    return STORAGE["Distribution"]["Properties"]["DistributionConfig"]["DefaultCacheBehavior"]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("docs/api.md", "`thumbnail_url` of an image are valid for {}."),
        ("services/storage/README.md", "Every URL is for one file and {}:"),
        ("docs/runbook.md", "Links are valid for {}"),
    ],
)
def test_documents_state_how_long_links_are_valid(document: str, sentence: str) -> None:
    assert sentence.format(PROMISE) in " ".join((ROOT / document).read_text().split())


@pytest.mark.parametrize(
    ("schema", "properties"),
    [
        ("FileView", ["url"]),
        ("ImageSummary", ["display_url", "thumbnail_url", "sized_url"]),
        ("ImageView", ["sized_url"]),
        ("ImageData", ["url"]),
        ("Image", ["url", "display_url", "thumbnail_url"]),
    ],
)
def test_the_openapi_document_states_it_too(schema: str, properties: list[str]) -> None:
    found = json.loads((ROOT / "docs/openapi.json").read_text())["components"]["schemas"][schema]

    for name in properties:
        assert f"Valid for {PROMISE}" in found["properties"][name]["description"], name


def test_the_distribution_serves_signed_links_only() -> None:
    distribution = STORAGE["Distribution"]["Properties"]["DistributionConfig"]

    assert behaviour()["TrustedKeyGroups"] == [{"Fn::GetAtt": ["LinkKeys", "KeyGroupId"]}]
    assert "CacheBehaviors" not in distribution, "another behaviour would serve unsigned links"


def test_all_signatures_of_a_file_share_one_copy_at_the_cdn() -> None:
    policy = STORAGE["CachePolicy"]["Properties"]["CachePolicyConfig"]
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]

    assert behaviour()["CachePolicyId"] == {"Ref": "CachePolicy"}
    assert {policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]} == {24 * 3600}, "private files are cached as well"
    assert (key["QueryStringsConfig"], key["CookiesConfig"]) == (
        {"QueryStringBehavior": "none"},
        {"CookieBehavior": "none"},
    )


def test_everybody_knows_the_same_widths() -> None:
    listed = ", ".join(str(width) for width in WIDTHS)
    code = STORAGE["DerivedKeys"]["Properties"]["FunctionCode"]
    schemas = json.loads((ROOT / "docs/openapi.json").read_text())["components"]["schemas"]

    assert f"const WIDTHS = [{', '.join(repr(str(width)) for width in WIDTHS)}];" in code
    assert f"WIDTHS = [{listed}];" in (ROOT / "services/web/src/lib/sizedImages.ts").read_text()
    for schema in ("ImageSummary", "ImageView"):
        text = schemas[schema]["properties"]["sized_url"]["description"]
        assert f"replace `{WIDTH}` with {listed.replace(', 1920', ' or 1920')}." in text


def test_a_missing_derived_file_is_asked_for_at_the_function() -> None:
    config = STORAGE["Distribution"]["Properties"]["DistributionConfig"]
    (group,) = config["OriginGroups"]["Items"]
    origins = {origin["Id"]: origin for origin in config["Origins"]}

    assert behaviour()["TargetOriginId"] == group["Id"]
    assert [member["OriginId"] for member in group["Members"]["Items"]] == ["gallery", "derive"]
    assert group["FailoverCriteria"]["StatusCodes"]["Items"] == [403, 404], (
        "S3 answers 403 to whoever may not list a bucket"
    )
    assert origins["derive"]["OriginAccessControlId"] == {"Ref": "DeriveAccessControl"}
    assert behaviour()["FunctionAssociations"] == [
        {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["DerivedKeys", "FunctionARN"]}}
    ]


def test_only_the_distribution_may_call_the_function_that_derives() -> None:
    assert STORAGE["deriveUrl"]["Properties"]["AuthType"] == "AWS_IAM"
    assert STORAGE["DeriveAccessControl"]["Properties"]["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    permissions = [
        body["Properties"]
        for body in STORAGE.values()
        if body["Type"] == "AWS::Lambda::Permission" and "derive" in str(body["Properties"]["FunctionName"])
    ]
    assert {each["Action"] for each in permissions} == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    for each in permissions:
        assert each["Principal"] == "cloudfront.amazonaws.com"
        assert each["SourceArn"]["Fn::Sub"].endswith(":distribution/${Distribution}")


def test_the_function_that_derives_may_write_no_image() -> None:
    (function,) = [f for f in templates.resources("AWS::Serverless::Function") if str(f) == "storage-deriveFunction"]
    for statement in templates.statements(function):
        if {"s3:PutObject", "s3:DeleteObject"} & set(templates.flat(statement["Action"])):
            assert statement["Resource"] == {"Fn::Sub": f"${{GalleryBucket.Arn}}/{DERIVED}*"}


def test_derived_files_expire_and_are_not_replicated() -> None:
    bucket = STORAGE["GalleryBucket"]["Properties"]
    (rule,) = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if rule.get("Id") == "derived"]

    assert (rule["Prefix"], rule["ExpirationInDays"]) == (DERIVED, 30)
    assert "derived" not in json.dumps(bucket["ReplicationConfiguration"])


def test_browsers_keep_a_file_for_as_long_as_the_file_says() -> None:
    headers = STORAGE["ResponseHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]

    assert "cache-control" not in json.dumps(headers).lower()


@pytest.mark.parametrize("service", ["storage", "intake"])
def test_functions_that_return_links_may_read_the_key(service: str) -> None:
    for function in templates.resources("AWS::Serverless::Function"):
        variables = function.properties["Environment"]["Variables"]
        if function.service == service and "CDN_URL" in variables:
            assert function.name in WITH_LINKS
            assert "IMAGE_LINK_KEY_ID" in variables
            reads = [s for s in templates.statements(function) if s["Action"] == "secretsmanager:GetSecretValue"]
            assert re.search("ImageLinkKey", json.dumps(reads))


def test_the_function_that_makes_keys_may_not_change_a_key_group() -> None:
    (function,) = [f for f in templates.resources("AWS::Serverless::Function") if str(f) == "storage-keysFunction"]
    actions = [action for statement in templates.statements(function) for action in templates.flat(statement["Action"])]

    assert not [action for action in actions if action.startswith("cloudfront:Update")]
