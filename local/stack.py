"""The whole system on this machine: emulator, model stand-in and the deployed template, as a context manager."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import deploy as deployment
from local.emulator import HOST, emulator, free_port, model_stand_in


class LocalStack:
    """Everything below ``directory``, which is emptied; ports that are 0 are picked freely.

    ``auth`` turns IAM enforcement on, ``parameters`` go to the template, ``variables`` to every function's environment,
    ``forward_url`` to the model stand-in.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        models_port: int = 0,
        auth: bool = True,
        parameters: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        forward_url: str | None = None,
        say: deployment.Say = lambda _: None,
    ) -> None:
        port, models_port = port or free_port(), models_port or free_port()
        models_url = f"http://{HOST}:{models_port}"
        self.emulator = emulator(directory / "aws", port=port, models_url=models_url, auth=auth, variables=variables)
        self.models = model_stand_in(directory, port=models_port, s3_url=self.emulator.url, forward_url=forward_url)
        self.outputs: dict[str, str] = {}
        self._parameters = dict(parameters or {})
        self._say = say

    @property
    def api_url(self) -> str:
        """Base of the HTTP API, without a slash at its end."""
        return self.outputs["ApiUrl"]

    @property
    def prefix(self) -> str:
        """What every physical name starts with."""
        return self.outputs["Prefix"]

    def client(self, service: str) -> Any:
        """Return a boto3 client on the emulator, as its root user."""
        return deployment.client(service, self.emulator.url)

    def start(self) -> Self:
        """Start everything and deploy. Whatever fails, nothing is left running."""
        started = time.monotonic()
        try:
            self.emulator.start()
            self.models.start()
            self._say(f"AWS emulator on {self.emulator.url}, model stand-in on {self.models.url}")
            self.emulator.wait_until_ready()
            self.outputs = deployment.deploy(self.emulator.url, self._say, self._parameters)
            self.models.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        self._say(f"up in {time.monotonic() - started:.1f} s")
        return self

    def stop(self) -> None:
        """Stop everything."""
        self.models.stop()
        self.emulator.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
