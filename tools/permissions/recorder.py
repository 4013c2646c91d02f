"""Record the AWS calls that run while a function runs."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tools.permissions.calls import Access, accesses_of

Answer = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Call:
    """One AWS call of a function."""

    function: str
    """``<service>.<function>``."""
    service: str
    operation: str
    parameters: Mapping[str, Any]


class Recorder:
    """Patches botocore. Calls outside of ``during`` are not recorded and never answered from ``answers``."""

    def __init__(self) -> None:
        self.accesses: dict[str, list[Access]] = {}
        """By function."""
        self.answers: dict[tuple[str, str], Answer] = {}
        """Answers to calls that the simulated AWS does not have: (service, operation) → answer."""
        self.failures: dict[str, str] = {}
        """Services whose calls fail, with the error code."""
        self.called: Callable[[Call], None] = lambda _: None
        """Runs after every call of a function, also after one that failed, in the thread of the call."""
        self._running: str | None = None
        self._unrecorded = threading.local()

    @property
    def _function(self) -> str | None:
        """The running function, or None in a thread whose calls are not the function's."""
        return None if getattr(self._unrecorded, "calls", False) else self._running

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Do not record the calls of this thread: those of a simulated service."""
        self._unrecorded.calls = True
        try:
            yield
        finally:
            self._unrecorded.calls = False

    @contextmanager
    def during(self, function: str) -> Iterator[None]:
        """Attribute all calls to ``function``, also those of its threads. It may run within another that invoked it."""
        before, self._running = self._running, function
        self.accesses.setdefault(function, [])
        try:
            yield
        finally:
            self._running = before

    def add(self, function: str, access: Access) -> None:
        """Record an access of ``function``."""
        self.accesses.setdefault(function, []).append(access)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Record while the block runs."""
        client_type: Any = BaseClient  # the stubs omit what is private
        emit, call = client_type._emit_api_params, client_type._make_api_call

        def recorded(client: Any, api_params: Any, operation_model: Any, context: Any) -> Any:
            """Record a call, or the presigning of one: it is authorised as the signer when it is used."""
            if function := self._function:
                for access in accesses_of(
                    client.meta.service_model.service_name, operation_model.name, client.meta.region_name, api_params
                ):
                    self.add(function, access)
            return emit(client, api_params, operation_model, context)

        def answered(client: Any, operation_name: str, api_params: Any) -> Any:
            function = self._function
            try:
                return answer_of(client, operation_name, api_params)
            finally:
                if function:
                    self.called(Call(function, client.meta.service_model.service_name, operation_name, api_params))

        def answer_of(client: Any, operation_name: str, api_params: Any) -> Any:
            service = client.meta.service_model.service_name
            answer, code = self.answers.get((service, operation_name)), self.failures.get(service)
            if self._function and (answer or code):
                client._emit_api_params(api_params, client.meta.service_model.operation_model(operation_name), {})
                if code:
                    raise client.exceptions.from_code(code)(
                        {"Error": {"Code": code, "Message": "refused"}}, operation_name
                    )
                assert answer
                return answer(api_params)
            try:
                return call(client, operation_name, api_params)
            except ClientError as error:
                function = self._function
                if function and error.response["Error"]["Code"] in MISSING:
                    # Without s3:ListBucket, a missing object is "access denied" instead of "not found".
                    self.add(function, Access("s3:ListBucket", f"arn:aws:s3:::{api_params['Bucket']}"))
                raise

        client_type._emit_api_params, client_type._make_api_call = recorded, answered
        try:
            yield
        finally:
            client_type._emit_api_params, client_type._make_api_call = emit, call


MISSING: Final = frozenset({"NoSuchKey"})
