"""The end of a function's initialisation."""

import gc


def finished() -> None:
    """Let garbage be collected from now on; what was made so far stays, so no collection needs to look at it.

    Consumers and HTTP resolvers call it when they are made; any other handler's module has to, after its clients.
    """
    gc.freeze()
    gc.enable()
