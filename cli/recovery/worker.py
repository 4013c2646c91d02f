"""The worker that generates images instead of a function (ADR 43), stopped while tables are gone as consumers are."""

import time
from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from cli.recovery.tables import Beat, RestoreError

PARAMETER: Final = "GenerationWorker"
"""Of the root template: ``lambda`` is no worker, ``fargate`` ours, ``external`` one that the operator runs."""
POLL_SECONDS: Final = 1.0
STOP_SECONDS: Final = 300.0
"""For all tasks to end. Fargate kills a task 120 seconds after it told it to stop."""
DIMENSION: Final = "ecs:service:DesiredCount"
SUSPENDED: Final = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


class TaskState(BaseModel):
    """How many tasks a worker should have, and what may change that."""

    model_config = ConfigDict(frozen=True)

    desired: int
    scaling: dict[str, bool] | None
    """What of its scaling was suspended; None: it has no scaling."""


class FargateWorker:
    """The tasks of an installation's worker on ECS Fargate.

    Any: nobody else here calls these two services, whose types would be two more packages.
    """

    def __init__(self, ecs: Any, scaling: Any, prefix: str) -> None:
        self._ecs = ecs
        self._scaling = scaling
        self._cluster = f"{prefix}-generation"
        self._service = f"{prefix}-generation-worker"

    def state(self) -> TaskState:
        """Return the state to which ``start`` returns. Raises ``RestoreError`` if there is no such service."""
        target = self._target()
        suspended = target and {name: bool(target.get("SuspendedState", {}).get(name)) for name in SUSPENDED}
        return TaskState(desired=self._described()["desiredCount"], scaling=suspended)

    def stop(self, state: TaskState, beat: Beat) -> None:
        """End all tasks, which return their messages, and wait until none is left. Repetition changes nothing.

        Scaling is suspended first: it would start the least number of tasks again.
        """
        if state.scaling is not None:
            self._suspend(dict.fromkeys(SUSPENDED, True))
        self._ecs.update_service(cluster=self._cluster, service=self._service, desiredCount=0)
        until = time.monotonic() + STOP_SECONDS
        while (found := self._described())["runningCount"] or found["pendingCount"]:
            if time.monotonic() > until:
                raise RestoreError(f"{self._service} still has tasks after {STOP_SECONDS:.0f} s")
            beat()
            time.sleep(POLL_SECONDS)

    def start(self, state: TaskState) -> None:
        """Return to ``state``. New tasks take about a minute; nobody waits for them but their queue."""
        self._ecs.update_service(cluster=self._cluster, service=self._service, desiredCount=state.desired)
        if state.scaling is not None:
            self._suspend(state.scaling)

    def _described(self) -> Any:
        found = self._ecs.describe_services(cluster=self._cluster, services=[self._service])["services"]
        active = [each for each in found if each["status"] == "ACTIVE"]
        if not active:
            raise RestoreError(f"{self._cluster} has no service {self._service}. Deploy it, or set {PARAMETER}")
        return active[0]

    def _target(self) -> Any:
        found = self._scaling.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[self._resource], ScalableDimension=DIMENSION
        )["ScalableTargets"]
        return found[0] if found else None

    @property
    def _resource(self) -> str:
        return f"service/{self._cluster}/{self._service}"

    def _suspend(self, state: dict[str, bool]) -> None:
        """Suspend or resume scaling. What is not given, such as the least number of tasks, stays as it is."""
        self._scaling.register_scalable_target(
            ServiceNamespace="ecs", ResourceId=self._resource, ScalableDimension=DIMENSION, SuspendedState=state
        )


class Worker:
    """Whatever generates images beside the functions. An installation without a worker has nothing to stop."""

    def __init__(self, kind: str | None, tasks: Callable[[], FargateWorker]) -> None:
        self.kind: Final = kind or "lambda"
        self._tasks = tasks

    def about(self, verb: Literal["stop", "start"]) -> str:
        """Return what a step does with the worker, for the dry run; empty without one."""
        match self.kind:
            case "fargate":
                return f"{verb} the tasks of the worker"
            case "external":
                return f"ask you to {verb} your worker"
            case _:
                return ""

    def pause(self, facts: dict[str, Any], save: Callable[[], None], beat: Beat, *, stopped: bool) -> str:
        """Stop the worker. Return the result in words, empty without a worker.

        Raises ``RestoreError`` for a worker outside of the installation, until the operator has stopped it.
        """
        if self.kind == "external":
            if not stopped:
                raise RestoreError(
                    "Your worker would use up the retries of messages while tables are gone. Stop it "
                    "(docs/kubernetes.md), then run the same command with --worker-stopped: it continues here"
                )
            return "your worker"
        if self.kind != "fargate":
            return ""
        tasks = self._tasks()
        if "worker" not in facts:
            facts["worker"] = tasks.state().model_dump()
            save()  # before anything is stopped, so that the number of tasks is not forgotten
        state = TaskState.model_validate(facts["worker"])
        tasks.stop(state, beat)
        return f"{state.desired} tasks of the worker"

    def resume(self, facts: dict[str, Any], *, started: bool) -> str:
        """Start the worker again. Return the result in words, empty without a worker.

        Raises ``RestoreError`` for a worker outside of the installation, until the operator has started it.
        """
        if self.kind == "external":
            if not started:
                raise RestoreError(
                    "Requests wait for your worker. Start it again, then run the same command with --worker-started: "
                    "it continues here"
                )
            return "your worker"
        if "worker" not in facts:
            return ""
        state = TaskState.model_validate(facts["worker"])
        self._tasks().start(state)
        return f"{state.desired} tasks of the worker"
