"""The example subscriber deploys beside the system and receives its events."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.deploy import BUCKET
from local.emulator import ROOT
from local.package import package
from tests.support.system import System

FOLDER = ROOT / "docs/examples/subscriber"


def deployed(stack: System, name: str, template: Path, **parameters: str) -> dict[str, str]:
    """Deploy a template of the example on the emulator, and return its outputs."""
    s3, cloudformation = stack.client("s3"), stack.client("cloudformation")

    def upload(key: str, content: bytes) -> str:
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"{stack.stack.emulator.url}/{BUCKET}/{key}"

    def settled() -> Any:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(package(template, upload)),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    created = stack.wait_until(settled, what=f"the stack {name}")
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [event.get("ResourceStatusReason") for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert created["StackStatus"] == "CREATE_COMPLETE", reasons
    return {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template beside the code with its requirements, as `sam build` installs them, but in seconds."""
    folder = tmp_path_factory.mktemp("example") / "built"
    shutil.copytree(FOLDER, folder)
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    pins = str(ROOT / "layer/requirements.txt")
    requirements = ["--requirement", "code/requirements.txt", "--constraint", pins]
    subprocess.run([*install, "--target", str(folder / "code"), *requirements], cwd=FOLDER, check=True)
    return folder / "template.yaml"


@pytest.fixture(scope="module")
def example(stack: System, built: Path) -> Iterator[dict[str, str]]:
    """Deploy the example on the bus of the system, and return its outputs."""
    yield deployed(stack, "example", built, EventBusName=stack.outputs["EventBusName"])
    stack.client("cloudformation").delete_stack(StackName="example")


@pytest.fixture(scope="module")
def forwarded(stack: System, built: Path) -> Iterator[dict[str, str]]:
    """Deploy the example on a bus to which events are forwarded, and return its outputs."""
    bus = deployed(stack, "forward", FOLDER / "forward.yaml", SourceBusArn=stack.outputs["EventBusArn"])
    yield deployed(stack, "forwarded-example", built, EventBusName=bus["EventBusName"])
    for name in ("forwarded-example", "forward"):
        stack.client("cloudformation").delete_stack(StackName=name)


def logged(stack: System, example: dict[str, str], text: str) -> list[Any]:
    """Return the lines of the example's function that contain ``text``."""
    logs, group = stack.client("logs"), f"/aws/lambda/{example['FunctionName']}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=f'"{text}"')
    return [json.loads(event["message"]) for page in pages for event in page["events"]]


@pytest.mark.parametrize("fixture", ["example", "forwarded"])
def test_the_example_counts_the_images_of_a_request(
    stack: System, fixture: str, request: pytest.FixtureRequest
) -> None:
    example = request.getfixturevalue(fixture)
    view = stack.generate("a heron with two followers", count=2)
    assert view["status"] == "succeeded"

    def counted() -> list[Any] | None:
        lines = logged(stack, example, view["id"])
        return lines if len(lines) >= 2 else None

    lines = stack.wait_until(counted, what="both images in the log of the example")
    assert {(line["image_id"], line["model"]) for line in lines} == {
        (image["id"], image["model"]) for image in view["images"]
    }
    assert all(line["images"] == 1 and line["cost_usd"] > 0 for line in lines)


def test_a_message_that_the_example_cannot_read_becomes_a_dead_letter(stack: System, example: dict[str, str]) -> None:
    sqs = stack.client("sqs")
    # Five deliveries, with the template's minute between two, would take too long.
    sqs.set_queue_attributes(QueueUrl=example["QueueUrl"], Attributes={"VisibilityTimeout": "1"})
    body = json.dumps({"detail-type": "ImageStored", "detail": {"metadata": {}, "data": {}}})
    message_id = sqs.send_message(QueueUrl=example["QueueUrl"], MessageBody=body)["MessageId"]

    def dead_letters() -> list[Any] | None:
        found: list[Any] | None = sqs.receive_message(QueueUrl=example["DeadLettersUrl"]).get("Messages")
        return found

    (letter,) = stack.wait_until(dead_letters, seconds=60, what="a dead letter")
    assert letter["Body"] == body
    assert len(logged(stack, example, message_id)) == 5


def test_the_role_of_the_example_allows_only_its_queue_and_log(stack: System, example: dict[str, str]) -> None:
    role = stack.client("lambda").get_function_configuration(FunctionName=example["FunctionName"])["Role"]
    iam, name = stack.client("iam"), role.rsplit("/", 1)[1]
    policies = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    attached = [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]]

    (statement,) = [statement for policy in policies for statement in policy["Statement"]]
    assert statement["Resource"].endswith(f":{example['QueueUrl'].rsplit('/', 1)[1]}")
    assert all(action.startswith("sqs:") and action != "sqs:SendMessage" for action in statement["Action"])
    assert attached == ["AWSLambdaBasicExecutionRole"]
