"""Imported by every Python with this folder on its path. In a Lambda worker, it records calls and invocations.

It writes one JSON line per AWS call (with retries) and per invocation to a file per process in ``BENCHMARK_CALLS``.
"""

import os


def _record_calls(folder: str, function: str) -> None:
    import importlib
    import json
    import time
    from typing import Any

    from botocore.endpoint import Endpoint

    log = open(f"{folder}/{function}-{os.getpid()}.jsonl", "a", buffering=1)  # noqa: SIM115 - until the worker ends
    send = getattr(Endpoint, "_do_get_response")  # noqa: B009 - of botocore alone
    import_module = importlib.import_module

    def record(**fields: Any) -> None:
        log.write(json.dumps({"function": function, "worker": os.getpid(), **fields}) + "\n")

    def counted(self: Any, request: Any, operation_model: Any, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return send(self, request, operation_model, context)
        finally:
            service = operation_model.service_model.service_name
            body = request.body
            record(
                at=time.time(),
                service=service,
                operation=operation_model.name,
                wall=time.perf_counter() - started,
                bytes=len(body) if isinstance(body, bytes | str) else 0,
                body=body.decode() if service in ("dynamodb", "events") else None,
            )

    def with_measured_handler(name: str, package: str | None = None) -> Any:
        module = import_module(name, package)
        handler = getattr(module, "handler", None)
        if name.startswith("services.") and callable(handler) and not hasattr(module, "_measured"):
            vars(module).update(_measured=True, handler=Measured(handler))
        return module

    class Measured:
        """A measured handler that behaves like the original for its module."""

        def __init__(self, handler: Any) -> None:
            self._handler = handler

        def __call__(self, event: Any, context: Any) -> Any:
            return measured(self._handler, event, context)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._handler, name)

    def measured(handler: Any, event: Any, context: Any) -> Any:
        cpu, started = time.process_time(), time.perf_counter()
        try:
            return handler(event, context)
        finally:
            record(
                at=time.time(),
                cpu=time.process_time() - cpu,
                wall=time.perf_counter() - started,
                records=len(event.get("Records", ())),
                method=event.get("requestContext", {}).get("http", {}).get("method"),
            )

    setattr(Endpoint, "_do_get_response", counted)  # noqa: B010
    setattr(importlib, "import_module", with_measured_handler)  # noqa: B010


if "BENCHMARK_CALLS" in os.environ and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _record_calls(os.environ["BENCHMARK_CALLS"], os.environ["AWS_LAMBDA_FUNCTION_NAME"])
