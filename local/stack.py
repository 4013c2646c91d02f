"""The system on this machine as a context manager: emulator, model stand-in and the deployed template."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from cli.connection import Target
from cli.web_publishing import files, publish
from kit.callers import Priority, Scope
from kit.secrets import CachedKeyring
from local import deploy as deployment
from local import web
from local.emulator import (
    HOST,
    REGION,
    ROOT,
    cdn_stand_in,
    emulator,
    endpoints,
    free_port,
    model_stand_in,
    operator_environment,
)
from local.node import environment_with_node
from local.valkey import ValkeyServer
from local.worker import WorkerProcess, variables_of_worker
from services.accounts import service as accounts
from services.accounts.repository.keys import KeyTable
from services.accounts.schemas import USER_SCOPES, NewKey

DEMO_OWNER = "demo"
DEMO_LIMIT = 10_000
"""Requests in fifteen minutes. It is high because tests and benchmarks share one key."""
OPS_SECONDS = 300
"""Time for a command of the operators."""


@dataclass(frozen=True)
class Replica:
    """What makes a stack a second region. It has no keys of its own."""

    region: str
    make: "Callable[[LocalStack], Mapping[str, str]]"
    """Called before the deployment. Makes the tables and secrets that the stack shares, and returns more parameters."""


class LocalStack:
    """A stack with all its files in ``directory``, whose content is deleted. Port 0 means a free port.

    ``auth`` turns IAM enforcement on, ``parameters`` go to the template, ``variables`` to every function's environment,
    ``forward_url`` and ``instant_models`` to the model stand-in. ``cdn`` delivers images through the CDN's stand-in.
    ``replica`` makes it a second region. With the parameter ``Cache=valkey``, there is a Valkey server. If
    ``GenerationWorker`` leaves generation to a worker, it is a process of this machine.
    """

    def __init__(  # noqa: PLR0913 - tests choose
        self,
        directory: Path,
        *,
        port: int = 0,
        models_port: int = 0,
        auth: bool = True,
        parameters: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        forward_url: str | None = None,
        instant_models: bool = False,
        cdn: bool = False,
        replica: "Replica | None" = None,
        progress: deployment.Progress = lambda _: None,
    ) -> None:
        self.region = replica.region if replica else REGION
        port, models_port = port or free_port(), models_port or free_port()
        models_url = f"http://{HOST}:{models_port}"
        self.emulator = emulator(
            directory / "aws", port=port, models_url=models_url, auth=auth, region=self.region, variables=variables
        )
        self.models = model_stand_in(
            directory, port=models_port, s3_url=self.emulator.url, forward_url=forward_url, instant=instant_models
        )
        self.cdn = None
        if cdn:
            path = environment_with_node()["PATH"]
            self.cdn = cdn_stand_in(directory, port=free_port(), emulator_url=self.emulator.url, path=path)
        self.outputs: dict[str, str] = {}
        self.api_key = ""
        """Key of the owner ``demo``, available after the start, with all scopes except ``admin``."""
        self.admin_key = ""
        """Key with the scope ``admin`` only."""
        self.worker: WorkerProcess | None = None
        self._directory = directory
        self._variables = dict(variables or {})
        self.parameters = dict(parameters or {})
        self.cache: ValkeyServer | None = None
        if self.parameters.get("Cache") == "valkey":
            self.cache = ValkeyServer(directory, port=free_port())
            self.parameters["CacheAddress"] = self.cache.address
        if self.cdn:
            self.parameters["EmulatorCdn"] = urlsplit(self.cdn.url).netloc
        self._replica = replica
        self._progress = progress

    @property
    def api_url(self) -> str:
        """Base URL of the HTTP API, without a trailing slash."""
        return self.outputs["ApiUrl"]

    @property
    def prefix(self) -> str:
        """Prefix of all physical names."""
        return self.outputs["Prefix"]

    def client(self, service: str) -> Any:
        """Return a boto3 client on the emulator, as its root user."""
        return deployment.client(service, self.emulator.url, self.region)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the operators' command line manages the stack."""
        return operator_environment(self.emulator.url, self.models.url, self.prefix, self.region)

    def ops(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the operators' command line on the stack, with root credentials. Return its exit code and output."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=OPS_SECONDS,
        )

    def make_key(
        self,
        owner: str,
        scopes: Sequence[Scope] = USER_SCOPES,
        *,
        limit: int = 100,
        window_seconds: int = 900,
        priority: Priority = "normal",
    ) -> str:
        """Create an API key as `python -m cli keys create` does, and return its text."""
        target = Target(prefix=self.prefix)
        wanted = NewKey(
            owner=owner,
            name="local",
            scopes=list(scopes),
            limit=limit,
            window_seconds=window_seconds,
            priority=priority,
        )
        keys = KeyTable(self.client("dynamodb"), target.accounts_table)
        secret = CachedKeyring(self.client("secretsmanager"), target.key_hash_secret).current()
        return accounts.create(keys, wanted, secret, datetime.now(UTC))[1]

    def start(self) -> Self:
        """Start everything and deploy. After a failure, nothing keeps running."""
        started = time.monotonic()
        try:
            self.emulator.start()
            self.models.start()
            if self.cache:
                self.cache.start()
                self._progress(f"Valkey on {self.cache.address}")
            if self.cdn:
                self.cdn.start()
            self._progress(f"AWS emulator on {self.emulator.url}, model stand-in on {self.models.url}")
            self.emulator.wait_until_ready()
            shared = self._replica.make(self) if self._replica else {}
            parameters = {**self.parameters, **shared}
            self.outputs = deployment.deploy(self.emulator.url, self._progress, parameters, self.region)
            if not self._replica:
                self.api_key = self.make_key(DEMO_OWNER, (*USER_SCOPES, "analytics:read"), limit=DEMO_LIMIT)
                self.admin_key = self.make_key("operator", ["admin"])
            self.models.wait_until_ready()
            if self.cache:
                self.cache.wait_until_ready()
            if self.cdn:
                self.cdn.wait_until_ready()
            if self.parameters.get("GenerationWorker", "lambda") != "lambda":
                self.worker = WorkerProcess(self._directory, self._worker_variables())
                self.worker.start()
                self._progress(f"worker of generation as process {self.worker.pid}, log: {self.worker.log}")
        except BaseException:
            self.stop()
            raise
        self._progress(f"up in {time.monotonic() - started:.1f} s")
        return self

    def publish_web(self) -> str:
        """Build the web app if it changed, publish it, and return its URL. Raises ``NodeError``."""
        if web.build():
            self._progress("web app built")
        publish(self.client("s3"), self.outputs["WebBucketName"], files(web.DIST, self.api_url))
        return self.outputs["WebUrl"]

    def _worker_variables(self) -> dict[str, str]:
        return variables_of_worker(
            self._directory,
            self.client,
            prefix=self.prefix,
            role_arn=self.outputs["GenerationWorkerRoleArn"],
            region=self.region,
            more={**endpoints(self.emulator.url, self.models.url), **self._variables},
        )

    def stop(self) -> None:
        """Stop everything, the worker first."""
        if self.worker:
            self.worker.stop()
        if self.cdn:
            self.cdn.stop()
        self.models.stop()
        self.emulator.stop()
        if self.cache:
            self.cache.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
