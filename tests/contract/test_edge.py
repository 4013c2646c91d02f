"""The edge: the CDN passes on every call of the API and nothing of it is cached; the firewall refuses no valid call.

What the emulator lacks is held here only: the web ACL's rules, the certificate, the records of the domain.
"""

import re
from fnmatch import fnmatch
from typing import Any, Final

import pytest

from services.accounts.edge import KEY_HEADER, PUBLIC_ROUTES, VIEWER_HEADER
from services.intake.waiting import MAX_SECONDS
from services.storage.verification import MAX_BYTES
from tests.support import templates
from tests.support.templates import ROOT

ROOT_TEMPLATE: Final = templates.root_template()
WEB: Final = templates.service_template("web")
FIREWALL: Final = templates.load(ROOT / "services/web/firewall.yaml")
CONFIG: Final = WEB["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
ACL: Final = FIREWALL["Resources"]["WebAcl"]["Properties"]
CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST: Final = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html"""
BODY_MAX: Final = 256 * 1024
"""The largest body of JSON that a route accepts."""
WCU_MAX: Final = 1500
WCU: Final = {
    "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesCommonRuleSet": 700,
}
"""https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html"""
SECRETS: Final = {"authorization", "x-api-key", "x-receipt-token", "cookie"}


def behind_edge(value: Any) -> Any:
    """Return what is chosen behind the edge."""
    condition, chosen, otherwise = value["Fn::If"]
    assert (condition, otherwise) == ("BehindEdge", {"Ref": "AWS::NoValue"})
    return chosen


def api_behaviours() -> list[dict[str, Any]]:
    return [behind_edge(each) for each in CONFIG["CacheBehaviors"] if "Fn::If" in each]


def origin() -> dict[str, Any]:
    (found,) = [behind_edge(each) for each in CONFIG["Origins"] if "Fn::If" in each]
    assert isinstance(found, dict)
    return found


def rule(name: str) -> dict[str, Any]:
    (found,) = [each for each in ACL["Rules"] if each["Name"] == name]
    assert isinstance(found, dict)
    return found


# The CDN -------------------------------------------------------------------------------------------------------------


def test_every_route_goes_to_the_api_and_every_behaviour_has_a_route() -> None:
    paths = {str(route.properties["RouteKey"]).split(" ")[1] for route in templates.http_routes()}
    patterns = [each["PathPattern"] for each in api_behaviours()]

    assert [path for path in paths if not any(fnmatch(path, pattern) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(fnmatch(path, pattern) for path in paths)] == []


def test_no_page_of_the_app_is_hidden_by_the_api() -> None:
    router = (ROOT / "services/web/src/app/router.tsx").read_text()
    found = re.findall(r'path: "([a-z]+)"', router)
    pages = [
        "/",
        "/reference/",
        "/config.json",
        "/index.html",
        "/sw.js",
        "/assets/x.js",
        *(f"/{page}" for page in found),
    ]

    assert len(found) > 5
    for page in pages:
        assert not [each for each in api_behaviours() if fnmatch(page, each["PathPattern"])], page


def test_calls_are_passed_on_whole_and_never_cached() -> None:
    for behaviour in api_behaviours():
        assert behaviour["TargetOriginId"] == origin()["Id"]
        assert behaviour["CachePolicyId"] == CACHING_DISABLED
        assert behaviour["OriginRequestPolicyId"] == ALL_VIEWER_EXCEPT_HOST, "all headers, cookies and query strings"
        assert set(behaviour["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
        assert "ResponseHeadersPolicyId" not in behaviour, "the API has its own"
        assert behaviour["ViewerProtocolPolicy"]["Fn::If"] == ["TlsOnly", "https-only", "allow-all"]
        (function,) = behaviour["FunctionAssociations"]
        assert function == {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["Viewer", "FunctionARN"]}}
    assert "CustomErrorResponses" not in CONFIG, "they would replace problem documents"


def test_a_waiting_call_ends_before_the_cdn_gives_up() -> None:
    assert MAX_SECONDS < 30 < origin()["CustomOriginConfig"]["OriginReadTimeout"]


def test_the_api_is_called_with_tls_and_the_key() -> None:
    found = origin()
    custom = found["CustomOriginConfig"]

    assert custom["OriginProtocolPolicy"] == {"Fn::If": ["OnEmulator", "http-only", "https-only"]}
    assert custom["OriginSSLProtocols"] == ["TLSv1.2"]
    assert found["OriginCustomHeaders"] == [
        {"HeaderName": KEY_HEADER, "HeaderValue": {"Fn::Sub": "{{resolve:secretsmanager:${EdgeKeyArn}}}"}}
    ]


def test_the_cdn_replaces_what_a_caller_says_of_its_address() -> None:
    code = WEB["Resources"]["Viewer"]["Properties"]["FunctionCode"]

    assert f"request.headers['{VIEWER_HEADER}'] = {{ value: event.viewer.ip }};" in code


def test_a_domain_needs_tls_1_2() -> None:
    assert CONFIG["ViewerCertificate"]["Fn::If"][:2] == [
        "HasDomain",
        {
            "AcmCertificateArn": {"Ref": "CertificateArn"},
            "MinimumProtocolVersion": "TLSv1.2_2021",
            "SslSupportMethod": "sni-only",
        },
    ]
    assert CONFIG["Aliases"]["Fn::If"] == ["HasDomain", [{"Ref": "DomainName"}], {"Ref": "AWS::NoValue"}]


def test_the_domain_has_records_for_both_kinds_of_addresses() -> None:
    records = [body for body in WEB["Resources"].values() if body["Type"] == "AWS::Route53::RecordSet"]

    assert {record["Properties"]["Type"] for record in records} == {"A", "AAAA"}
    assert {record["Condition"] for record in records} == {"HasHostedZone"}


# What it costs, and who knows -----------------------------------------------------------------------------------------


def test_all_of_it_is_off_by_default() -> None:
    parameters = ROOT_TEMPLATE["Parameters"]
    defaults = {
        name: parameters[name]["Default"]
        for name in ("Edge", "Waf", "DomainName", "CertificateArn", "HostedZoneId", "WebAclArn")
    }

    assert defaults == {"Edge": "off", "Waf": "off", **dict.fromkeys([*defaults][2:], "")}
    assert ROOT_TEMPLATE["Resources"]["Firewall"]["Condition"] == "HasFirewall"
    for name in ("EdgeKey",):
        assert templates.service_template("accounts")["Resources"][name]["Condition"] == "BehindEdge"
    assert WEB["Resources"]["Viewer"]["Condition"] == "BehindEdge"


@pytest.mark.parametrize("service", ["Accounts", "Operations", "Privacy", "Storage"])
def test_every_service_with_public_routes_knows_of_the_edge(service: str) -> None:
    with_public = {
        route.service.capitalize()
        for route in templates.http_routes()
        if str(route.properties["RouteKey"]).replace("HEAD ", "GET ") in PUBLIC_ROUTES
    }

    assert with_public | {"Accounts"} == {"Accounts", "Operations", "Privacy", "Storage"}
    assert ROOT_TEMPLATE["Resources"][service]["Properties"]["Parameters"]["Edge"] == {"Ref": "Edge"}


def test_only_the_authorizer_reads_the_key() -> None:
    readers = [
        str(function)
        for function in templates.resources("AWS::Serverless::Function")
        for statement in templates.statements(function)
        if "EdgeKey" in str(statement["Resource"])
    ]

    assert readers == ["accounts-authorizerFunction"]


def test_the_app_and_the_commands_call_the_api_through_the_edge() -> None:
    condition, edge, direct = ROOT_TEMPLATE["Outputs"]["ApiUrl"]["Value"]["Fn::If"]

    assert (condition, edge) == ("BehindEdge", ROOT_TEMPLATE["Outputs"]["WebUrl"]["Value"])
    assert "execute-api" in direct["Fn::Sub"]


# The firewall ---------------------------------------------------------------------------------------------------------


def test_the_firewall_is_for_cloudfront_and_allows_by_default() -> None:
    assert (ACL["Scope"], ACL["DefaultAction"]) == ("CLOUDFRONT", {"Allow": {}})
    assert [each["Priority"] for each in ACL["Rules"]] == list(range(len(ACL["Rules"])))
    (assertion,) = [
        each for each in ROOT_TEMPLATE["Rules"]["Edge"]["Assertions"] if "AWS::Region" in str(each["Assert"])
    ]
    assert "us-east-1" in str(assertion["Assert"])


def test_the_rules_fit_into_one_web_acl() -> None:
    groups = [
        each["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for each in ACL["Rules"]
        if "ManagedRuleGroupStatement" in each["Statement"]
    ]

    assert set(groups) == WCU.keys()
    assert sum(WCU[name] for name in groups) + 100 < WCU_MAX, "the rules of our own take less than 100"


def test_addresses_have_a_rate() -> None:
    limit = rule("rate")["Statement"]["RateBasedStatement"]

    assert limit == {"AggregateKeyType": "IP", "Limit": 3000, "EvaluationWindowSec": 300}
    assert rule("rate")["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429


def size_patterns() -> tuple[str, str]:
    """Return the patterns of lengths that are refused: of JSON, and of files."""
    json_rule, file_rule = rule("size")["Statement"]["OrStatement"]["Statements"]
    pattern, exception = json_rule["AndStatement"]["Statements"]
    assert exception["NotStatement"]["Statement"]["ByteMatchStatement"]["SearchString"] == "/v1/verifications"
    for each in (pattern, file_rule):
        assert each["RegexMatchStatement"]["FieldToMatch"] == {"SingleHeader": {"Name": "content-length"}}
    return pattern["RegexMatchStatement"]["RegexString"], file_rule["RegexMatchStatement"]["RegexString"]


def test_the_firewall_refuses_no_body_that_the_api_accepts() -> None:
    json_pattern, file_pattern = size_patterns()

    for pattern, accepted, refused in (
        (json_pattern, BODY_MAX, (300_000, 999_999, 1_000_000, 10**10)),
        (file_pattern, MAX_BYTES, (5_000_000, 9_999_999, 10_000_000, 10**10)),
    ):
        assert [size for size in (0, 1, accepted // 2, accepted) if re.search(pattern, str(size))] == []
        assert [size for size in refused if not re.search(pattern, str(size))] == []


def test_the_limits_are_those_of_the_apis() -> None:
    written = {
        int(found[1]) * 1024
        for path in ROOT.glob("services/*/handlers/*.py")
        for found in re.finditer(r"MAX_BODY: Final = (\d+) \* 1024", path.read_text())
    }

    assert max(written) == BODY_MAX
    text = ACL["CustomResponseBodies"]["BodyTooLarge"]["Content"]
    assert f"at most {BODY_MAX} bytes, or a file of at most {MAX_BYTES}" in text


@pytest.mark.parametrize("name", ["common", "known-bad-inputs"])
def test_files_are_not_searched_for_attacks(name: str) -> None:
    group = rule(name)["Statement"]["ManagedRuleGroupStatement"]
    match = group["ScopeDownStatement"]["NotStatement"]["Statement"]["ByteMatchStatement"]

    assert (match["SearchString"], match["PositionalConstraint"]) == ("/v1/verifications", "EXACTLY")


def test_long_prompts_and_prompts_with_markup_are_only_counted() -> None:
    overrides = rule("common")["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]

    assert {each["Name"] for each in overrides if each["ActionToUse"] == {"Count": {}}} == {
        *("SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY")
    }


def test_neither_samples_nor_logs_contain_keys_prompts_or_paths() -> None:
    logging = FIREWALL["Resources"]["Logging"]["Properties"]
    protected = {
        each["Field"]["FieldType"]: each["Field"].get("FieldKeys")
        for each in ACL["DataProtectionConfig"]["DataProtections"]
    }
    redacted = logging["RedactedFields"]

    assert {"BODY", "QUERY_STRING"} <= protected.keys()
    assert set(protected["SINGLE_HEADER"] or ()) == SECRETS
    assert {each["SingleHeader"]["Name"] for each in redacted if "SingleHeader" in each} == SECRETS
    assert {"UriPath": {}} in redacted
    assert {"QueryString": {}} in redacted
    assert all(each["VisibilityConfig"]["SampledRequestsEnabled"] is False for each in [ACL, *ACL["Rules"]])


def test_only_refused_calls_are_logged() -> None:
    logging = FIREWALL["Resources"]["Logging"]["Properties"]

    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    (kept,) = logging["LoggingFilter"]["Filters"]
    assert kept["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]
    assert FIREWALL["Resources"]["RefusedCalls"]["Properties"]["LogGroupName"]["Fn::Sub"].startswith("aws-waf-logs-")
