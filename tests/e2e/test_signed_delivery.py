"""Signed delivery in the deployed system, behind an edge that checks signatures as CloudFront documents it.

The emulator has CloudFront's keys but no edge. The functions get the settings that they have behind a CDN.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from kit.handoff import sha256
from kit.signed_urls import EXPIRES_SECONDS
from tests.support.edge import Edge, serving
from tests.support.hook import receiving
from tests.support.system import System

DOMAIN = "d111111abcdef8.cloudfront.net"
SECRET = "storage-image-link-key"
FUNCTIONS = ("storage-api", "intake-api", "intake-facade")


def custom_resource(stack: System, request: str, **more: str) -> Any:
    """Call the custom resource as CloudFormation does, and return its answer."""
    with receiving() as cloudformation:
        event = {
            "RequestType": request,
            "RequestId": "1",
            "StackId": "stack",
            "LogicalResourceId": "LinkKeys",
            "ResponseURL": cloudformation.url,
            "ResourceProperties": {"Prefix": stack.prefix, "SecretId": f"{stack.prefix}-{SECRET}"},
            **more,
        }
        stack.invoke("storage-keys:live", event)
        answer = json.loads(cloudformation.calls[-1][2])
    assert answer["Status"] == "SUCCESS", answer
    return answer


def configure(stack: System, function: str, variables: dict[str, str]) -> dict[str, str]:
    """Change variables of a function, and return those that it had."""
    client, full = stack.client("lambda"), f"{stack.prefix}-{function}"
    before: dict[str, str] = client.get_function_configuration(FunctionName=full)["Environment"]["Variables"]
    client.update_function_configuration(FunctionName=full, Environment={"Variables": {**before, **variables}})
    stack.restart(function)
    return before


@pytest.fixture(scope="module")
def edge(stack: System) -> Iterator[Edge]:
    """Turn the CDN on for the functions, and serve their links."""
    group_id = custom_resource(stack, "Create")["Data"]["KeyGroupId"]
    cloudfront, s3, iam = stack.client("cloudfront"), stack.client("s3"), stack.client("iam")

    def keys() -> dict[str, str]:
        ids = cloudfront.get_key_group(Id=group_id)["KeyGroup"]["KeyGroupConfig"]["Items"]
        found = [cloudfront.get_public_key(Id=each)["PublicKey"] for each in ids]
        return {key["Id"]: key["PublicKeyConfig"]["EncodedKey"] for key in found}

    def read(key: str) -> tuple[bytes, str]:
        found = s3.get_object(Bucket=stack.outputs["GalleryBucketName"], Key=key)
        return found["Body"].read(), found["CacheControl"]

    secret = stack.client("secretsmanager").describe_secret(SecretId=f"{stack.prefix}-{SECRET}")["ARN"]
    allowed = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    before, roles = {}, []
    for function in FUNCTIONS:  # the permission that the template gives with Cdn=on
        role = stack.client("lambda").get_function_configuration(FunctionName=f"{stack.prefix}-{function}")["Role"]
        roles.append(role.rpartition("/")[2])
        iam.put_role_policy(RoleName=roles[-1], PolicyName="links", PolicyDocument=policy)
        before[function] = configure(stack, function, {"CDN_URL": f"https://{DOMAIN}", "IMAGE_LINK_KEY_ID": secret})
    with serving(Edge(DOMAIN, keys, read)) as server:
        yield server
    for function, role in zip(FUNCTIONS, roles, strict=True):
        iam.delete_role_policy(RoleName=role, PolicyName="links")
        configure(stack, function, before[function])
    custom_resource(stack, "Delete", PhysicalResourceId=group_id)
    names = [item["KeyGroup"]["Id"] for item in cloudfront.list_key_groups()["KeyGroupList"].get("Items", [])]
    assert group_id not in names


@pytest.fixture(scope="module")
def image(stack: System, edge: Edge) -> Any:
    (image,) = stack.generate("A lighthouse at night")["images"]
    return stack.call("GET", f"/v1/images/{image['id']}").json


def fetch(edge: Edge, url: str) -> tuple[int, bytes, str]:
    """GET a link of the CDN from the edge, and return status, content and Cache-Control."""
    assert url.startswith(f"https://{DOMAIN}/"), url
    address = url.replace(f"https://{DOMAIN}", f"http://127.0.0.1:{edge.server_address[1]}", 1)
    try:
        with urllib.request.urlopen(address, timeout=30) as response:
            return response.status, response.read(), response.headers["Cache-Control"]
    except urllib.error.HTTPError as error:
        return error.code, b"", ""


def test_a_link_serves_its_file_for_as_long_as_promised(edge: Edge, image: Any) -> None:
    for name in ("original", "display", "thumbnail"):
        status, content, cache_control = fetch(edge, image[name]["url"])
        assert (status, sha256(content)) == (200, image[name]["sha256"])
        assert cache_control == f"private, max-age={EXPIRES_SECONDS}"
    edge.clock = lambda: time.time() + EXPIRES_SECONDS
    assert fetch(edge, image["display"]["url"])[0] == 403
    edge.clock = time.time


def test_a_changed_link_is_refused(edge: Edge, image: Any) -> None:
    url = image["display"]["url"]
    path, _, query = url.partition("?")
    original = image["original"]["url"].partition("?")[0]
    for changed in (path, f"{original}?{query}", url.replace("Expires=1", "Expires=2"), f"{url}&size=large"):
        assert fetch(edge, changed)[0] == 403, changed


def test_requests_lists_and_the_openai_facade_return_signed_links(stack: System, edge: Edge, image: Any) -> None:
    shown = stack.call("GET", f"/v1/requests/{image['request_id']}").json["images"][0]
    listed = stack.call("GET", "/v1/images?limit=1").json["images"][0]
    body = {"model": "stable-image-core", "prompt": "A lighthouse by day", "response_format": "url"}
    created = stack.call("POST", "/openai/v1/images/generations", body).json["data"][0]
    urls = [shown[name] for name in ("url", "display_url", "thumbnail_url")]
    urls += [listed["display_url"], listed["thumbnail_url"], created["url"]]
    assert [fetch(edge, url)[0] for url in urls] == [200] * 6


def test_a_share_link_does_not_reveal_the_original(stack: System, edge: Edge, image: Any) -> None:
    share = stack.call("POST", f"/v1/images/{image['id']}/shares", {"expires_in_seconds": 60}).json["url"]
    status, headers = stack.follow(share)
    location = headers["Location"]
    assert (status, fetch(edge, location)[0]) == (302, 200)
    original = image["original"]["url"].partition("?")[0]
    assert original == location.partition("?")[0].replace("display.webp", "original.png")
    assert fetch(edge, original)[0] == 403
    assert fetch(edge, f"{original}?{urlsplit(location).query}")[0] == 403
    edge.clock = lambda: time.time() + 60
    assert fetch(edge, location)[0] == 403
    edge.clock = time.time


def test_links_of_both_keys_are_valid_during_a_rotation(stack: System, edge: Edge, image: Any) -> None:
    path = f"/v1/images/{image['id']}"
    old = stack.call("GET", path).json["display"]["url"]
    done = stack.ops("secrets", "rotate", SECRET, "--now", "--yes")
    assert done.returncode == 0, done.stderr
    stack.restart("storage-api")
    new = stack.call("GET", path).json["display"]["url"]
    assert old.rpartition("Key-Pair-Id=")[2] != new.rpartition("Key-Pair-Id=")[2]
    assert [fetch(edge, url)[0] for url in (old, new)] == [200, 200]
    refused = stack.ops("secrets", "retire", SECRET, "1", "--yes")
    assert (refused.returncode, "are valid until" in refused.stderr) == (1, True)
    assert fetch(edge, old)[0] == 200
    assert stack.ops("secrets", "retire", SECRET, "1", "--yes", "--force").returncode == 0
    assert [fetch(edge, url)[0] for url in (old, new)] == [403, 200]
