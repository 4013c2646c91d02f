"""The manifest of docs/kubernetes.md runs the worker as the task on Fargate does. tests/interop checks its schemas."""

import re
from typing import Any, Final

import pytest
import yaml

from kit.worker import WorkerSettings
from tests.contract.test_worker import CONTAINER, VARIABLES
from tests.support import templates
from tests.support.templates import ROOT

DOCUMENT: Final = (ROOT / "docs/kubernetes.md").read_text()
MANIFEST: Final = {
    body["kind"]: body
    for body in yaml.safe_load_all(re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)[0])
}
POD: Final = MANIFEST["Deployment"]["spec"]["template"]["spec"]
(WORKER,) = POD["containers"]
ENVIRONMENT: Final = {each["name"]: each["value"] for each in WORKER["env"]}
DEFAULTS: Final = WorkerSettings(queue_url="q")
VALUES: Final = {
    "AWS::Region": "us-west-2",
    "AWS::AccountId": "123456789012",
    "Environment": "prod",
    "Prefix": "genai-images-prod",
}


def named(text: str) -> str:
    """Return a name of a template with the values of the manifest."""
    return re.sub(r"\$\{([\w:]+)\}", lambda found: VALUES[found[1]], text)


def test_the_pod_has_the_variables_of_the_task() -> None:
    assert ENVIRONMENT.keys() - {"HEALTH_HOST"} == VARIABLES.keys()
    for name, value in VARIABLES.items():
        if isinstance(value, str):
            assert ENVIRONMENT[name] == value, name


def test_the_pod_uses_the_resources_of_the_installation() -> None:
    generation, root = templates.service_template("generation"), templates.root_template()["Resources"]
    queue = named(generation["Resources"]["generateQueue"]["Properties"]["QueueName"]["Fn::Sub"])
    dead = named(generation["Resources"]["generateDeadLetters"]["Properties"]["QueueName"]["Fn::Sub"])
    account = f"https://sqs.us-west-2.amazonaws.com/{VALUES['AWS::AccountId']}"

    assert ENVIRONMENT["QUEUE_URL"] == f"{account}/{queue}"
    assert ENVIRONMENT["DEAD_LETTER_QUEUE_URL"] == f"{account}/{dead}"
    assert ENVIRONMENT["TABLE_NAME"] == named(generation["Resources"]["Table"]["Properties"]["TableName"]["Fn::Sub"])
    assert ENVIRONMENT["EVENT_BUS_NAME"] == named(root["EventBus"]["Properties"]["Name"]["Fn::Sub"])
    assert ENVIRONMENT["HANDOFF_BUCKET_NAME"] == named(root["HandoffBucket"]["Properties"]["BucketName"]["Fn::Sub"])
    assert ENVIRONMENT["OWNER_KEYS_TABLE_NAME"] == named(root["OwnerKeysTable"]["Properties"]["TableName"]["Fn::Sub"])
    assert ENVIRONMENT["DAILY_BUDGET_USD"] == str(templates.root_template()["Parameters"]["DailyBudgetUsd"]["Default"])


def test_the_pod_runs_the_worker() -> None:
    assert (WORKER["command"], WORKER["args"]) == (CONTAINER["EntryPoint"], CONTAINER["Command"])
    assert str(POD["securityContext"]["runAsUser"]) == CONTAINER["User"]
    assert WORKER["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_pod_has_time_to_return_its_messages() -> None:
    assert POD["terminationGracePeriodSeconds"] >= DEFAULTS.worker_stop + 10


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_a_probe_asks_the_health_check(probe: str) -> None:
    (port,) = WORKER["ports"]

    assert WORKER[probe]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert port["containerPort"] == DEFAULTS.health_port
    assert ENVIRONMENT["HEALTH_HOST"] == "0.0.0.0"


def test_only_pods_of_the_service_account_get_the_role() -> None:
    role = templates.service_template("generation")["Resources"]["workerRole"]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    (condition,) = statement["Fn::If"][2]["Condition"].values()
    (expected,) = condition.values()

    assert POD["serviceAccountName"] == MANIFEST["ServiceAccount"]["metadata"]["name"] == named(expected["Fn::Sub"])


def test_pods_follow_the_depth_of_the_queue() -> None:
    scaling = MANIFEST["ScaledObject"]["spec"]
    (trigger,) = scaling["triggers"]

    assert trigger["metadata"]["queueURL"] == ENVIRONMENT["QUEUE_URL"]
    assert trigger["metadata"]["queueLength"] == ENVIRONMENT["WORKER_CONCURRENCY"]
    assert trigger["authenticationRef"]["name"] == MANIFEST["TriggerAuthentication"]["metadata"]["name"]
    assert scaling["scaleTargetRef"]["name"] == MANIFEST["Deployment"]["metadata"]["name"]
    assert scaling["cooldownPeriod"] > POD["terminationGracePeriodSeconds"]


def test_all_objects_are_in_one_namespace() -> None:
    found: set[Any] = {body["metadata"]["namespace"] for body in MANIFEST.values()}

    assert found == {"genai-images"}
    assert list(MANIFEST) == ["ServiceAccount", "Deployment", "TriggerAuthentication", "ScaledObject"]
