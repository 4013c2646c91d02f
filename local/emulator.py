"""The processes of the local stack: the AWS emulator and the model stand-in, on loopback, with minimal environments."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

HOST = "127.0.0.1"
REGION = "us-east-1"
ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = ROOT / "local" / "launcher.py"
SECONDS_TO_READY = 30
ROOT_USER = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""Credentials of the emulator's root user."""


class NotReadyError(RuntimeError):
    """A child process ended or did not answer in time. The text contains the path of its log."""


def free_port(preferred: int = 0) -> int:
    """Return a free TCP port: ``preferred``, if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ignore closing connections of the last run
        try:
            probe.bind((HOST, preferred))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def endpoints(url: str, models_url: str) -> dict[str, str]:
    """Return the variables with which boto3 calls the emulator at ``url``, and the model stand-in for models."""
    models = ("BEDROCK", "BEDROCK_RUNTIME", "REKOGNITION")
    return {"AWS_ENDPOINT_URL": url, **{f"AWS_ENDPOINT_URL_{name}": models_url for name in models}}


def operator_environment(url: str, models_url: str, prefix: str, region: str = REGION) -> dict[str, str]:
    """Return the variables with which the operators' command line manages a stack on the emulator, as its root user."""
    return {
        **endpoints(url, models_url),
        **ROOT_USER,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "GENAI_IMAGES_PREFIX": prefix,
    }


class Child:
    """A server process with a health check. Its environment is ``environment`` only."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        port: int,
        ready: str,
        log: Path,
        environment: Mapping[str, str],
        stop_seconds: float = 5,
    ) -> None:
        """``stop_seconds``: how long to wait after SIGTERM before the process is killed."""
        self.url = f"http://{HOST}:{port}"
        self.log = log
        self._ready = self.url + ready
        self._command = [sys.executable, "-P", str(LAUNCHER), module, *arguments]
        self._stop_seconds = stop_seconds
        self._environment = {"PATH": os.defpath, "HOME": str(log.parent), "LANG": "C.UTF-8", **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the process runs."""
        return self._process.pid if self._process else None

    @property
    def has_ended(self) -> bool:
        """Whether the process was started and has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> Self:
        """Start the process. ``wait_until_ready`` waits until it serves."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._output = self.log.open("ab")
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,  # nothing is written to it; when this process ends, it closes and the child ends
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=self._environment,
            cwd=self.log.parent,
            start_new_session=True,  # the runner handles Ctrl-C and stops its children in order
        )
        return self

    def wait_until_ready(self) -> None:
        """Return once the health check answers.

        Raises ``NotReadyError`` if the process ends first or takes longer than ``SECONDS_TO_READY``.
        """
        deadline = time.monotonic() + SECONDS_TO_READY
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise NotReadyError(f"{self._command[3]} ended before it was ready, see {self.log}")
            try:
                if self._is_ready():
                    return
            except OSError:  # also urllib's errors
                pass
            time.sleep(0.05)
        raise NotReadyError(f"{self._ready} did not answer within {SECONDS_TO_READY} s, see {self.log}")

    def _is_ready(self) -> bool:
        """Return whether the health check answers. May raise ``OSError`` instead."""
        with urllib.request.urlopen(self._ready, timeout=1):
            return True

    def kill(self) -> None:
        """End the process at once, with the workers that it started, as a lost region ends."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads its own group
            self._process.wait()

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=self._stop_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        if self._output:
            self._output.close()
        self._process = None


def emulator(
    directory: Path,
    *,
    port: int,
    models_url: str,
    auth: bool = True,
    patched: bool = True,
    region: str = REGION,
    variables: Mapping[str, str] | None = None,
) -> Child:
    """Return MiniStack, not started yet, with an empty state in ``directory``, whose content is deleted.

    Functions inherit its environment, which contains the endpoints of the stand-in for Bedrock and Rekognition.
    ``auth`` enforces IAM. ``variables`` are added to the environment.
    """
    shutil.rmtree(directory, ignore_errors=True)
    folders = {"TMPDIR": directory / "tmp", "STATE_DIR": directory / "state", "S3_DATA_DIR": directory / "s3"}
    for folder in folders.values():
        folder.mkdir(parents=True)
    environment = {
        **{name: str(folder) for name, folder in folders.items()},
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,  # the default is all interfaces
        "IOT_MTLS_ENABLED": "0",  # otherwise it also binds port 8883
        "AUTH": str(auth).lower(),
        "LOG_LEVEL": "INFO",
        "AWS_DEFAULT_REGION": region,
        **endpoints(f"http://{HOST}:{port}", models_url),
        "POWERTOOLS_TRACE_DISABLED": "1",
        **(variables or {}),
    }
    if not patched:
        environment["MINISTACK_UNPATCHED"] = "1"
    return Child(
        "ministack", [], port=port, ready="/_ministack/ready", log=directory / "emulator.log", environment=environment
    )


def cdn_stand_in(directory: Path, *, port: int, emulator_url: str, path: str) -> Child:
    """Return the stand-in for the CDN of images, not started yet. ``path`` is where it finds Node."""
    return Child(
        "local.cdn",
        ["--port", str(port), "--endpoint-url", emulator_url],
        port=port,
        ready="/_ready",
        log=directory / "cdn.log",
        environment={
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "AWS_DEFAULT_REGION": REGION,
            **ROOT_USER,
        },
    )


def model_stand_in(
    directory: Path, *, port: int, s3_url: str, forward_url: str | None = None, instant: bool = False
) -> Child:
    """Return the model stand-in, not started yet.

    An image server at ``forward_url`` replaces the painter; with ``instant``, one image answers all prompts at once.
    """
    arguments = ["--host", HOST, "--port", str(port), "--s3-endpoint", s3_url]
    if forward_url:
        arguments += ["--forward-url", forward_url]
    if instant:
        arguments.append("--instant")
    return Child(
        "local.bedrock",
        arguments,
        port=port,
        ready="/_ready",
        log=directory / "models.log",
        environment={
            "PYTHONPATH": str(ROOT),
            "AWS_DEFAULT_REGION": REGION,
            **ROOT_USER,
        },
    )
