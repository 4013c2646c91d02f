"""The web app and the reference may connect to the hosts of their own stack and to no others."""

import re
from typing import Any

import pytest

from tests.support import templates

API, SOCKET, REGION, SUFFIX = (
    "api123",
    "wss://socket456.execute-api.eu-west-1.amazonaws.com/live",
    "eu-west-1",
    "amazonaws.com",
)
BUCKET = "genai-images-test-gallery-1-eu-west-1"
AWS = {
    "AWS::Region": REGION,
    "AWS::URLSuffix": SUFFIX,
    "HttpApiId": API,
    "SocketUrl": SOCKET,
    "GalleryBucketName": BUCKET,
    "CdnUrl": "",
    "EmulatorHost": "",
    "EdgeKeyArn": "",
}
OWN_API = f"https://{API}.execute-api.{REGION}.{SUFFIX}"
BUCKETS = {f"https://{BUCKET}.s3.amazonaws.com", f"https://{BUCKET}.s3.{REGION}.{SUFFIX}"}


def resolved(value: Any, values: dict[str, str]) -> str:
    """Return the text that CloudFormation makes of ``value``."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Ref":
        return values[argument]
    if function == "Fn::If":
        condition, then, otherwise = argument
        parameter = {"HasCdn": "CdnUrl", "OnEmulator": "EmulatorHost", "BehindEdge": "EdgeKeyArn"}[condition]
        return resolved(then if values[parameter] else otherwise, values)
    assert function == "Fn::Sub"
    text, names = (argument, {}) if isinstance(argument, str) else argument
    known = values | {name: resolved(each, values) for name, each in names.items()}
    return re.sub(r"\$\{([^}]+)\}", lambda found: known[found[1]], text)


def policy(name: str = "Headers", **values: str) -> dict[str, set[str]]:
    """Return the sources of each directive of the policy of the app (`Headers`) or of `ReferenceHeaders`."""
    (headers,) = [
        each
        for each in templates.resources("AWS::CloudFront::ResponseHeadersPolicy")
        if (each.service, each.name) == ("web", name)
    ]
    config = headers.properties["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]["ContentSecurityPolicy"]
    directives = [each.split() for each in resolved(config["ContentSecurityPolicy"], AWS | values).split(";")]
    return {name: set(sources) for name, *sources in directives}


@pytest.mark.parametrize(
    ("values", "hosts"),
    [
        ({"CdnUrl": "https://d1.cloudfront.net"}, {OWN_API, SOCKET, "https://d1.cloudfront.net"}),
        ({}, {OWN_API, SOCKET, *BUCKETS}),
        ({"CdnUrl": "https://d1.cloudfront.net", "EdgeKeyArn": "arn"}, {SOCKET, "https://d1.cloudfront.net"}),
        (
            {"EmulatorHost": "127.0.0.1:4580", "SocketUrl": "ws://127.0.0.1:4580/_aws/execute-api/s/live"},
            {OWN_API, "http://127.0.0.1:4580", "ws://127.0.0.1:4580/_aws/execute-api/s/live", *BUCKETS},
        ),
    ],
    ids=["cdn", "bucket", "edge", "emulator"],
)
def test_the_app_connects_to_its_own_hosts_only(values: dict[str, str], hosts: set[str]) -> None:
    assert policy(**values)["connect-src"] == {"'self'", *hosts}


@pytest.mark.parametrize(
    ("values", "hosts"),
    [
        ({}, {OWN_API}),
        ({"EdgeKeyArn": "arn"}, set()),
        ({"EmulatorHost": "127.0.0.1:4580"}, {OWN_API, "http://127.0.0.1:4580"}),
    ],
    ids=["aws", "edge", "emulator"],
)
def test_the_reference_connects_to_the_api_only(values: dict[str, str], hosts: set[str]) -> None:
    assert policy("ReferenceHeaders", **values)["connect-src"] == {"'self'", *hosts}


def test_the_reference_loads_only_its_own_files_and_may_set_styles() -> None:
    directives = policy("ReferenceHeaders")
    sources = {source for name, each in directives.items() if name != "connect-src" for source in each}

    assert directives["default-src"] == {"'none'"}
    assert directives["script-src"] == {"'self'"}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert [name for name, each in directives.items() if "'unsafe-inline'" in each] == ["style-src"]


def test_the_app_allows_nothing_inline() -> None:
    assert not [source for sources in policy().values() for source in sources if source.startswith("'unsafe")]


@pytest.mark.parametrize("name", ["Headers", "ReferenceHeaders"])
def test_no_source_is_a_wildcard(name: str) -> None:
    sources = [source for directive in policy(name).values() for source in directive]

    assert not [source for source in sources if "*" in source or source in {"https:", "http:", "wss:", "ws:"}]


def test_the_socket_is_that_of_the_notifications() -> None:
    parameters = templates.root_template()["Resources"]["Web"]["Properties"]["Parameters"]

    assert parameters["SocketUrl"] == {"Fn::GetAtt": ["Notifications", "Outputs.SocketUrl"]}
