"""The worker of generation has the code, the variables and the permissions of its function, and time to stop."""

import json
import re
from typing import Any, Final

import pytest

from kit.worker import WorkerSettings
from local import parameters
from tests.support import templates
from tests.support.templates import ROOT

WORKER: Final = templates.load(ROOT / "services/generation/worker.yaml")
RESOURCES: Final = WORKER["Resources"]
GENERATION: Final = templates.service_template("generation")
(FUNCTION,) = [each for each in templates.resources("AWS::Serverless::Function") if each.name == "generateFunction"]
(CONTAINER,) = RESOURCES["TaskDefinition"]["Properties"]["ContainerDefinitions"]
VARIABLES: Final = {each["Name"]: each["Value"] for each in CONTAINER["Environment"]}
DEFAULTS: Final = WorkerSettings(queue_url="q")
IMAGE: Final = "123456789012.dkr.ecr.us-west-2.amazonaws.com/genai-images/generation:1.2.0"
FARGATE: Final = {"GenerationWorker": "fargate", "VpcMode": "private", "WorkerImageUri": IMAGE}
FARGATE_KILLS_AFTER: Final = 120
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html: stopTimeout."""
OF_LAMBDA: Final = {"RELEASE"}
"""Variables that concern versions of functions only."""
BY_LAMBDA: Final = {"sqs:GetQueueAttributes", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords"}
"""What Lambda does with the role of the function, and a worker does not do with its own."""


def actions(statements: list[Any]) -> dict[str, set[str]]:
    """Return the resources of each action; a conditional statement counts as if its condition held."""
    found: dict[str, set[str]] = {}
    for each in statements:
        statement = each["Fn::If"][1] if "Fn::If" in each else each
        for action in templates.flat(statement["Action"]):
            found.setdefault(action, set()).add(json.dumps(templates.looked_up("generation", statement["Resource"])))
    return found


def worker_statements() -> list[Any]:
    """Return the statements of the worker's role."""
    (inline,) = GENERATION["Resources"]["workerRole"]["Properties"]["Policies"]
    shared = GENERATION["Resources"]["generatePolicy"]["Properties"]
    assert {"Fn::If": ["HasWorker", {"Ref": "workerRole"}, {"Ref": "AWS::NoValue"}]} in shared["Roles"]
    return [*inline["PolicyDocument"]["Statement"], *shared["PolicyDocument"]["Statement"]]


def test_the_worker_may_do_exactly_what_the_function_may_and_receive() -> None:
    function, worker = actions(list(templates.statements(FUNCTION))), actions(worker_statements())

    assert function.keys() - worker.keys() == BY_LAMBDA
    assert worker.keys() <= function.keys()
    for action in worker.keys() - {"kms:Decrypt", "kms:GenerateDataKey"}:
        assert worker[action] == function[action], action


@pytest.mark.parametrize("position", [1, 2])
def test_only_the_services_that_run_workers_may_assume_the_role(position: int) -> None:
    (statement,) = GENERATION["Resources"]["workerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    chosen = statement["Fn::If"][position]

    assert statement["Fn::If"][0] == "OnFargate"
    assert chosen["Principal"] == {"Service": ["", "ecs-tasks.amazonaws.com", "pods.eks.amazonaws.com"][position]}
    assert chosen["Condition"], "the role of an installation is for its worker only"


def test_the_worker_has_the_variables_of_the_function() -> None:
    function = FUNCTION.properties["Environment"]["Variables"]
    passed = templates.root_template()["Resources"]["Worker"]["Properties"]["Parameters"]
    fixed = {name: value for name, value in function.items() if isinstance(value, str)}
    own = {"AWS_REGION", "METRICS_NAMESPACE", "WORKER_CONCURRENCY"}

    assert VARIABLES.keys() - own == function.keys() - OF_LAMBDA
    for name in fixed.keys() - OF_LAMBDA - {"MAX_PARALLEL"}:
        assert VARIABLES[name] == fixed[name], name
    assert VARIABLES["MAX_PARALLEL"] == VARIABLES["WORKER_CONCURRENCY"], "a message that is received can be handled"
    assert {"QueueUrl", "DeadLetterQueueUrl", "HandoffBucketName", "OwnerKeysTableName"} <= passed.keys()
    assert passed.keys() == WORKER["Parameters"].keys()


def test_the_worker_runs_the_handler_of_the_function() -> None:
    assert CONTAINER["EntryPoint"] == ["python3", "-m", "kit.worker"]
    assert CONTAINER["Command"] == [FUNCTION.properties["Handler"]]
    assert FUNCTION.properties["Timeout"] == DEFAULTS.worker_limit, "a message may take as long as on Lambda"


def test_the_worker_has_returned_its_messages_before_it_is_killed() -> None:
    assert CONTAINER["StopTimeout"] == FARGATE_KILLS_AFTER
    assert DEFAULTS.worker_poll < DEFAULTS.worker_stop < FARGATE_KILLS_AFTER - 10, "with time to return them"
    assert DEFAULTS.worker_visibility < FARGATE_KILLS_AFTER


def test_a_task_is_replaced_if_its_health_check_fails() -> None:
    command = " ".join(CONTAINER["HealthCheck"]["Command"])

    assert f"http://{DEFAULTS.health_host}:{DEFAULTS.health_port}/healthz" in command
    assert CONTAINER["Essential"] is True


def test_a_task_is_not_root_and_changes_no_file() -> None:
    assert CONTAINER["User"] == "1000"
    assert CONTAINER["ReadonlyRootFilesystem"] is True


def test_tasks_follow_the_age_of_the_oldest_message() -> None:
    tracking = RESOURCES["QueueAgePolicy"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    target = RESOURCES["ScalableTarget"]["Properties"]
    queue = GENERATION["Resources"]["generateQueue"]["Properties"]["QueueName"]
    oldest = GENERATION["Mappings"]["Consumers"]["generate"]["MaximumAge"]
    metric = tracking["CustomizedMetricSpecification"]

    assert (metric["MetricName"], metric["Statistic"]) == ("ApproximateAgeOfOldestMessage", "Maximum")
    assert metric["Dimensions"] == [{"Name": "QueueName", "Value": queue}]
    assert tracking["TargetValue"] < oldest, "tasks are added before the alarm rings"
    assert target["MinCapacity"] == {"Fn::If": ["IsActive", 1, 0]}, "from none, a ratio never leads to one"
    assert target["MaxCapacity"]["Fn::If"][0] == "IsActive"
    assert RESOURCES["Service"]["Properties"]["DesiredCount"] == {"Fn::If": ["IsActive", {"Ref": "AWS::NoValue"}, 0]}


def test_only_what_the_emulator_lacks_is_missing_there() -> None:
    missing = {body["Type"] for body in RESOURCES.values() if body.get("Condition") == "OnAws"}

    assert missing == {"AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"}


@pytest.mark.parametrize("name", [name for name, body in RESOURCES.items() if body["Type"] == "AWS::CloudWatch::Alarm"])
def test_an_alarm_notifies_and_links_to_the_runbook(name: str) -> None:
    alarm = RESOURCES[name]["Properties"]

    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
    assert alarm["AlarmDescription"]["Fn::Sub"].endswith("${RunbookUrl}#a-worker-fails")
    assert re.search(r"^## A worker fails$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)


def test_lambda_polls_the_queue_unless_a_worker_does() -> None:
    polled = GENERATION["Mappings"]["PolledByLambda"]
    root = templates.root_template()["Parameters"]["GenerationWorker"]

    assert root["Default"] == GENERATION["Parameters"]["GenerationWorker"]["Default"] == "lambda"
    assert root["AllowedValues"] == list(polled) == ["lambda", "fargate", "external"]
    assert set(polled["lambda"].values()) == {True}
    for other in ("fargate", "external"):
        assert [name for name, on in polled[other].items() if not on] == ["generate"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({**FARGATE, "VpcMode": "none"}, "Set VpcMode to private, or GenerationWorker to lambda"),
        ({**FARGATE, "WorkerImageUri": ""}, "Set WorkerImageUri to the image of the worker"),
        ({"WorkerImageUri": IMAGE}, "Set WorkerImageUri to nothing, or GenerationWorker to fargate"),
        ({**FARGATE, "WorkerImageUri": "python:3.13"}, "must be an image in ECR"),
        ({**FARGATE, "WorkerImageUri": IMAGE.partition(":")[0]}, "must be an image in ECR with its tag"),
        ({"GenerationWorker": "ecs"}, "GenerationWorker"),
    ],
)
def test_wrong_parameters_are_refused(values: dict[str, str], sentence: str) -> None:
    (problem,) = parameters.problems(templates.root_template(), values, "us-west-2")
    assert sentence in problem


@pytest.mark.parametrize("values", [FARGATE, {"GenerationWorker": "external"}])
def test_a_worker_can_be_deployed(values: dict[str, str]) -> None:
    assert parameters.problems(templates.root_template(), values, "us-west-2") == []
