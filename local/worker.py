"""generation's worker as a process on this machine: what ECS and Kubernetes run in a container.

It consumes instead of the function, with its variables and, through `sts:AssumeRole`, with the role of the worker. The
code is that of this folder, not that of the build.
"""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.emulator import HOST, ROOT, Child, free_port

PARAMETERS = {"GenerationWorker": "external"}
"""Template parameters that leave the queue to a worker."""
HANDLER = "services.generation.handlers.generate.handler"
FUNCTION = "generation-generate"
LOOK_SECONDS = 0.2


class WorkerProcess:
    """The worker, which is started again whenever it ends."""

    def __init__(self, directory: Path, variables: Mapping[str, str]) -> None:
        """``directory`` has its log and its AWS configuration; ``variables`` is its environment."""
        self.log = directory / "worker.log"
        self._directory = directory
        self._variables = variables
        self._closing = threading.Event()
        self._restarter = threading.Thread(target=self._restart, daemon=True)
        self._child = self._new()
        self.restarts = 0

    def start(self) -> None:
        """Start the worker and wait until it is healthy."""
        self._child.start()
        self._child.wait_until_ready()
        self._restarter.start()

    @property
    def pid(self) -> int | None:
        """The process id, which changes with each restart."""
        return self._child.pid

    def messages(self) -> int:
        """Return how many messages the worker holds; 0 while it starts."""
        try:
            with urllib.request.urlopen(f"{self._child.url}/healthz", timeout=2) as answer:
                return int(json.load(answer)["messages"])
        except (urllib.error.URLError, OSError):
            return 0

    def stop(self) -> None:
        """End the worker as a deployment does: with SIGTERM and some time."""
        self._closing.set()
        if self._restarter.is_alive():
            self._restarter.join()
        self._child.stop()

    def _new(self) -> Child:
        port = free_port()
        variables = {**self._variables, "HEALTH_HOST": HOST, "HEALTH_PORT": str(port), "PYTHONPATH": str(ROOT)}
        return Child(
            "kit.worker",
            [HANDLER],
            port=port,
            ready="/healthz",
            log=self.log,
            environment=variables,
            stop_seconds=int(self._variables["WORKER_STOP"]) + 5,
        )

    def _restart(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            if self._child.has_ended:
                self._child.stop()
                self._child = self._new()
                self._child.start()
                self.restarts += 1


def variables_of_worker(
    directory: Path,
    client: Callable[[str], Any],
    *,
    prefix: str,
    role_arn: str,
    region: str,
    more: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment of the worker: the function's variables, the credentials of the role, and ``more``."""
    function = client("lambda").get_function_configuration(FunctionName=f"{prefix}-{FUNCTION}")
    _let_this_machine_assume(role_arn, client("iam"))
    config = directory / "worker-aws.ini"
    config.write_text(
        f"[profile worker]\nrole_arn = {role_arn}\nsource_profile = root\n"
        "[profile root]\naws_access_key_id = test\naws_secret_access_key = test\n"
    )
    return {
        **function["Environment"]["Variables"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_PROFILE": "worker",
        "METRICS_NAMESPACE": prefix,
        "WORKER_CONCURRENCY": "5",
        "WORKER_POLL": "1",
        "WORKER_STOP": "10",
        **more,
    }


def _let_this_machine_assume(role_arn: str, iam: Any) -> None:
    """Add the emulator's root user to the role's trust policy, in place of the services that run workers on AWS."""
    name = role_arn.rpartition("/")[2]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"{role_arn.partition(':role/')[0]}:root"},
        "Action": "sts:AssumeRole",
    }
    document = {**trust, "Statement": [*trust["Statement"], root]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))
