"""Each patch of local/launcher.py is needed and works."""

import io
import json
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local.deploy import client
from local.emulator import emulator, free_port
from local.launcher import (
    is_as_expected,
    know_attributes_of_batches,
    know_event_buses,
    limit_aliases,
    read_logs_to_their_end,
    show_disabled_mappings,
)

NESTED = {
    "Parameters": {"Timeout": {"Type": "Number"}},
    "Resources": {
        "Untouched": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "untouched"}},
        "Changed": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": "changed", "VisibilityTimeout": {"Ref": "Timeout"}},
        },
    },
    "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Untouched", "QueueName"]}}},
}


@pytest.mark.parametrize(
    ("patched", "status"), [(True, "UPDATE_COMPLETE"), (False, "UPDATE_ROLLBACK_FAILED")], ids=["patched", "unpatched"]
)
def test_a_nested_stack_can_be_updated_only_with_the_patch(tmp_path: Path, patched: bool, status: str) -> None:
    aws = emulator(tmp_path / "aws", port=free_port(), models_url="http://127.0.0.1:9", patched=patched).start()
    try:
        aws.wait_until_ready()
        s3, cloudformation = client("s3", aws.url), client("cloudformation", aws.url)
        s3.create_bucket(Bucket="templates")
        s3.put_object(Bucket="templates", Key="nested", Body=json.dumps(NESTED))

        created = _settle(cloudformation, cloudformation.create_stack, _root(aws.url, timeout=30))
        updated = _settle(cloudformation, cloudformation.update_stack, _root(aws.url, timeout=60))

        assert (created, updated) == ("CREATE_COMPLETE", status)
    finally:
        aws.stop()


def test_an_event_bus_is_known_to_iam_only_with_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.core import iam_actions

    monkeypatch.setattr(iam_actions, "extract_resource_arn", iam_actions.extract_resource_arn)  # restored afterwards

    def asked_about(action: str) -> str:
        call: tuple[Any, ...] = (
            "events",
            "POST",
            "/",
            {"x-amz-target": f"AWSEvents.{action}"},
            b'{"Name": "ours"}',
            {},
        )
        return str(iam_actions.extract_resource_arn(*call, "us-east-1", "000000000000"))

    rule = "arn:aws:events:us-east-1:000000000000:rule/default/ours"
    assert is_as_expected()
    assert asked_about("DescribeEventBus") == asked_about("DescribeRule") == rule
    know_event_buses()
    assert asked_about("DescribeEventBus") == "arn:aws:events:us-east-1:000000000000:event-bus/ours"
    assert asked_about("DescribeRule") == rule


def test_a_batch_reads_named_attributes_only_with_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.core import iam_actions

    monkeypatch.setattr(iam_actions, "dynamodb_service_context", iam_actions.dynamodb_service_context)
    key = {"pk": {"S": "x"}}
    named = {"Keys": [key], "ProjectionExpression": "#one", "ExpressionAttributeNames": {"#one": "status"}}

    def context(tables: Any) -> Any:
        return iam_actions.dynamodb_service_context(json.dumps({"RequestItems": tables}).encode())

    assert context({"requests": named})["dynamodb:Select"] == "ALL_ATTRIBUTES", "the patch is no longer needed"
    know_attributes_of_batches()
    assert context({"requests": named}) == {
        "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
        "dynamodb:Attributes": ["status"],
    }
    assert context({"requests": named, "gallery": {"Keys": [key]}})["dynamodb:Select"] == "ALL_ATTRIBUTES"


def test_a_version_has_its_functions_concurrency_only_with_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.services import lambda_svc

    monkeypatch.setattr(lambda_svc, "_reserved_concurrency", lambda_svc._reserved_concurrency)
    config = {"FunctionName": "ours"}
    version = {"config": config}
    monkeypatch.setattr(lambda_svc, "_functions", {"ours": {"config": config, "concurrency": 0}})

    assert lambda_svc._reserved_concurrency(version, config) is None, "the patch is no longer needed"
    limit_aliases()
    assert lambda_svc._reserved_concurrency(version, config) == 0


LOGGING = """
def handler(event, context):
    print("first")
    print("last")
    if event:
        raise ValueError(event)
"""


def test_late_log_lines_belong_to_their_invocation_only_with_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.core import lambda_runtime

    for owner, name in (
        (lambda_runtime, "_PYTHON_WORKER_SCRIPT"),
        (lambda_runtime.Worker, "_drain_stderr_bounded"),
        (lambda_runtime.Worker, "_read_stderr"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    read_lines, may_read = lambda_runtime.Worker._read_stderr, threading.Event()

    def read_late(worker: Any) -> None:
        may_read.wait()
        read_lines(worker)

    monkeypatch.setattr(lambda_runtime.Worker, "_read_stderr", read_late)

    assert _invoke()["log"] == "", "the patch is no longer needed"
    read_logs_to_their_end()
    threading.Timer(0.5, may_read.set).start()  # twice as long as the emulator waits at most
    done = _invoke()
    assert (done["status"], done["log"]) == ("ok", "first\nlast")
    failed = _invoke("no")
    assert (failed["status"], failed["error"], failed["log"]) == ("error", "no", "first\nlast")


def _invoke(event: str = "") -> Any:
    """Invoke a function that logs two lines, in a new worker of the emulator."""
    from ministack.core import lambda_runtime

    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", LOGGING)
    config = {
        "FunctionName": "logs",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:logs",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Timeout": 20,
    }
    worker = lambda_runtime.Worker("logs", config, code.getvalue())
    try:
        return worker.invoke(event, "id")
    finally:
        worker.kill()


def _root(url: str, *, timeout: int) -> str:
    nested = {"TemplateURL": f"{url}/templates/nested", "Parameters": {"Timeout": timeout}}
    return json.dumps({"Resources": {"Nested": {"Type": "AWS::CloudFormation::Stack", "Properties": nested}}})


def _settle(cloudformation: Any, operation: Any, template: str) -> str:
    operation(StackName="root", TemplateBody=template)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = str(cloudformation.describe_stacks(StackName="root")["Stacks"][0]["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.05)
    raise TimeoutError("the stack did not settle")


def test_a_disabled_mapping_is_described_as_such_only_with_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    from ministack.services import lambda_svc
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    monkeypatch.setitem(handlers, "create", handlers["create"])  # restored afterwards
    monkeypatch.setattr(lambda_svc, "_ensure_poller", lambda: None)
    queue = "arn:aws:sqs:us-east-1:000000000000:queue"

    def state() -> str:
        mapping_id, _ = handlers["create"]("Mapping", {"EventSourceArn": queue, "Enabled": False}, "stack")
        return str(lambda_svc._esms.pop(mapping_id)["State"])

    assert state() == "Enabled"
    show_disabled_mappings()
    assert state() == "Disabled"
