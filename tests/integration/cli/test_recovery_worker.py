"""A drill stops the worker that consumes generation's queue, and starts it again, on moto."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest
from moto import mock_aws

from cli.connection import Connection, Target
from cli.recovery.backups import Backups
from cli.recovery.drill import Step, run
from cli.recovery.progress import CURRENT, Progress
from cli.recovery.progress import Drill as Record
from cli.recovery.steps import Drill, Options
from cli.recovery.store import Store
from cli.recovery.tables import RestoreError, Tables
from cli.recovery.worker import DIMENSION, SUSPENDED, FargateWorker
from tests.support import templates
from tests.support.installation_on_moto import PREFIX, REGION

CLUSTER: Final = f"{PREFIX}-generation"
SERVICE: Final = f"{PREFIX}-generation-worker"
RESOURCE: Final = f"service/{CLUSTER}/{SERVICE}"
BUCKET: Final = f"{PREFIX}-analytics-123456789012-{REGION}"
EVERYTHING: Final = dict.fromkeys(SUSPENDED, True)
NOTHING: Final = dict.fromkeys(SUSPENDED, False)


class Account:
    """An AWS account with a stack, and perhaps the service of a worker."""

    def __init__(self) -> None:
        self.ecs = boto3.client("ecs")
        self.scaling = boto3.client("application-autoscaling")
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def deploy(self, worker: str) -> None:
        """Deploy a stack with the parameter ``GenerationWorker``."""
        template = {
            "Parameters": {"GenerationWorker": {"Type": "String"}},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        }
        boto3.client("cloudformation").create_stack(
            StackName=PREFIX,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": "GenerationWorker", "ParameterValue": worker}],
        )

    def create_service(self, tasks: int) -> None:
        """Create the worker's service with its scaling."""
        container: Any = {"name": "worker", "image": "worker", "memory": 512}
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.ecs.register_task_definition(family=SERVICE, containerDefinitions=[container])
        self.ecs.create_service(cluster=CLUSTER, serviceName=SERVICE, taskDefinition=SERVICE, desiredCount=tasks)
        self.scaling.register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=RESOURCE,
            ScalableDimension=DIMENSION,
            MinCapacity=1,
            MaxCapacity=5,
            SuspendedState=NOTHING,
        )

    def tasks(self) -> int:
        """Return how many tasks there should be."""
        (found,) = self.ecs.describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
        return int(found["desiredCount"])

    def target(self) -> Any:
        """Return the scalable target."""
        (found,) = self.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        return found

    def steps(self, *names: str, **options: bool) -> list[Step]:
        """Return steps of a drill."""
        connection = Connection(Target(PREFIX))
        tables = Tables(boto3.client("dynamodb"), boto3.client("lambda"), PREFIX)
        drill = Drill(
            connection, tables, Backups(tables, self.store(), timedelta(days=1)), Options(quiet_seconds=1, **options)
        )
        return [step for step in drill.steps() if step.name in names]

    def store(self) -> Store:
        """Return the store of the drill's progress."""
        return Store(self.s3, BUCKET)

    def drill(self, *names: str, **options: bool) -> Record:
        """Run steps, or continue at the step that failed."""
        progress = Progress.begin(self.store(), "tester", lambda: datetime.now(UTC))
        return run(progress, self.steps(*names, **options), lambda: datetime.now(UTC), lambda _: None)

    def progress(self) -> Record:
        """Return the drill as it is stored."""
        found = self.store().read(CURRENT)
        assert found is not None
        return Record.model_validate_json(found[0])


@pytest.fixture
def account(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr("cli.recovery.worker.POLL_SECONDS", 0)
    monkeypatch.setattr(Drill, "_open_requests", lambda _: iter(()))
    with mock_aws():
        yield Account()


# The tasks -----------------------------------------------------------------------------------------------------------


def test_tasks_end_and_scaling_does_not_start_them_again(account: Account) -> None:
    account.create_service(3)
    worker = FargateWorker(account.ecs, account.scaling, PREFIX)
    before = worker.state()

    worker.stop(before, lambda: None)
    assert account.tasks() == 0
    assert account.target()["SuspendedState"] == EVERYTHING
    worker.stop(before, lambda: None)

    worker.start(before)
    worker.start(before)
    assert account.tasks() == before.desired == 3
    assert account.target()["SuspendedState"] == before.scaling == NOTHING
    assert (account.target()["MinCapacity"], account.target()["MaxCapacity"]) == (1, 5)


def test_what_was_suspended_before_stays_suspended(account: Account) -> None:
    account.create_service(2)
    partly = {**NOTHING, SUSPENDED[0]: True}
    account.scaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=RESOURCE,
        ScalableDimension=DIMENSION,
        SuspendedState=partly,
    )
    worker = FargateWorker(account.ecs, account.scaling, PREFIX)
    before = worker.state()

    worker.stop(before, lambda: None)
    worker.start(before)
    assert account.target()["SuspendedState"] == partly


def test_a_worker_without_scaling_is_stopped_as_well(account: Account) -> None:
    account.create_service(1)
    account.scaling.deregister_scalable_target(ServiceNamespace="ecs", ResourceId=RESOURCE, ScalableDimension=DIMENSION)
    worker = FargateWorker(account.ecs, account.scaling, PREFIX)
    before = worker.state()

    worker.stop(before, lambda: None)
    assert (account.tasks(), before.scaling) == (0, None)
    worker.start(before)
    assert account.tasks() == 1


def test_tasks_that_do_not_end_fail_the_step(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.create_service(1)
    worker = FargateWorker(account.ecs, account.scaling, PREFIX)
    busy = {"status": "ACTIVE", "desiredCount": 0, "runningCount": 1, "pendingCount": 0}
    monkeypatch.setattr("cli.recovery.worker.STOP_SECONDS", 0)
    monkeypatch.setattr(FargateWorker, "_described", lambda _: busy)

    with pytest.raises(RestoreError, match=f"{SERVICE} still has tasks"):
        worker.stop(worker.state(), lambda: None)


def test_the_template_has_the_names_of_the_service() -> None:
    resources = templates.load(templates.ROOT / "services/generation/worker.yaml")["Resources"]
    names = {"Prefix": PREFIX, "Cluster": CLUSTER, "Service.Name": SERVICE}

    def written_out(text: str) -> str:
        for name, value in names.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    assert written_out(resources["Cluster"]["Properties"]["ClusterName"]["Fn::Sub"]) == CLUSTER
    assert written_out(resources["Service"]["Properties"]["ServiceName"]["Fn::Sub"]) == SERVICE
    target = resources["ScalableTarget"]["Properties"]
    assert written_out(target["ResourceId"]["Fn::Sub"]) == RESOURCE
    assert target["ScalableDimension"] == DIMENSION


# The drill -----------------------------------------------------------------------------------------------------------


def test_a_drill_stops_the_tasks_and_starts_them_again(account: Account) -> None:
    account.deploy("fargate")
    account.create_service(3)
    during: list[int] = []
    pause, resume = account.steps("pause", "resume")

    def count(_: Progress) -> str:
        during.append(account.tasks())
        return ""

    look = Step("look", "", count)
    progress = Progress.begin(account.store(), "tester", lambda: datetime.now(UTC))
    done = run(progress, [pause, look, resume], lambda: datetime.now(UTC), lambda _: None)

    assert during == [0]
    assert account.tasks() == 3
    assert account.target()["SuspendedState"] == NOTHING
    assert done.steps["pause"].result == "0 consumers and 3 tasks of the worker"
    assert done.steps["resume"].result.startswith("0 consumers and 3 tasks of the worker; ")


def test_an_interrupted_pause_remembers_how_many_tasks_there_were(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deploy("fargate")
    account.create_service(4)
    progress = Progress.begin(account.store(), "tester", lambda: datetime.now(UTC))
    first = Step("before", "", lambda _: "")
    with monkeypatch.context() as patched:
        patched.setattr(FargateWorker, "_suspend", lambda *_: None)
        patched.setattr(FargateWorker, "_described", _interrupted_after_its_first_look(FargateWorker._described))
        with pytest.raises(KeyboardInterrupt):
            run(progress, [first, *account.steps("pause")], lambda: datetime.now(UTC), lambda _: None)
    assert account.tasks() == 0
    assert account.progress().facts["worker"]["desired"] == 4

    account.drill("pause", "resume")
    assert account.tasks() == 4


def _interrupted_after_its_first_look(look: Any) -> Any:
    looks: list[FargateWorker] = []

    def described(worker: FargateWorker) -> Any:
        looks.append(worker)
        if len(looks) > 1:
            raise KeyboardInterrupt
        return look(worker)

    return described


def test_a_worker_of_the_operator_has_to_be_stopped_and_started_by_hand(account: Account) -> None:
    account.deploy("external")
    account.store().write(CURRENT, _begun().model_dump_json())

    with pytest.raises(RestoreError, match="run the same command with --worker-stopped"):
        account.drill("pause", "resume")
    with pytest.raises(RestoreError, match="run the same command with --worker-started"):
        account.drill("pause", "resume", worker_stopped=True)
    done = account.drill("pause", "resume", worker_started=True)
    assert done.steps["pause"].result == "0 consumers and your worker"


def _begun() -> Record:
    """Return a drill of which a step is done, so that it is not forgotten."""
    now = datetime.now(UTC)
    step: Any = {"before": {"started_at": now, "finished_at": now}}
    return Record(drill_id="d1", started_at=now, operator="tester", alive_at=now, steps=step)


@pytest.mark.parametrize(
    ("worker", "pause", "resume"),
    [
        ("lambda", "stop the consumers, so", "start the consumers, and"),
        ("fargate", "stop the tasks of the worker, so", "start the tasks of the worker, and"),
        ("external", "ask you to stop your worker, so", "ask you to start your worker, and"),
    ],
)
def test_a_dry_run_says_what_happens_to_the_worker(account: Account, worker: str, pause: str, resume: str) -> None:
    account.deploy(worker)
    abouts = [step.about for step in account.steps("pause", "resume")]

    assert pause in abouts[0]
    assert resume in abouts[1]


@pytest.mark.parametrize("worker", ["lambda", None])
def test_an_installation_without_a_worker_calls_no_ecs(
    account: Account, worker: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if worker:
        account.deploy(worker)
    called: list[str] = []
    client = Connection.client

    def recorded(connection: Connection, name: str) -> Any:
        called.append(name)
        return client(connection, name)

    monkeypatch.setattr(Connection, "client", recorded)

    assert account.drill("pause", "resume").steps["pause"].result == "0 consumers"
    assert "ecs" not in called
    assert "application-autoscaling" not in called
