"""Whether this process was asked to stop. Workers are; Lambda ends its environments between invocations."""

from threading import Event
from typing import Final

from kit.errors import InProgressError

stopping: Final = Event()


class StoppingError(InProgressError):
    """Raised instead of beginning work in a process that stops: the message returns to its queue at once."""

    def __init__(self) -> None:
        super().__init__("the worker stops, and another one continues", seconds=0)
