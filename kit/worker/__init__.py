"""Consume a queue in a process that keeps running: in a container, or on this machine. ADR 43.

    python -m kit.worker services.generation.handlers.generate.handler

The handler is that of the Lambda function, with the same environment variables. The worker does what Lambda's event
source mapping does for it:

    worker     receive messages, keep them hidden while they are handled, delete or return them
    health     GET /healthz
    segments   what the X-Ray daemon does beside a function
"""

from kit.worker.worker import Worker, WorkerSettings

__all__ = ["Worker", "WorkerSettings"]
