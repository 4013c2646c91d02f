"""The end of a function's initialisation."""

import gc


def finished() -> None:
    """Turn garbage collection on. Existing objects are excluded from all collections.

    Consumers and HTTP resolvers call it when they are created. Other handlers' modules call it after creating clients.
    """
    gc.freeze()
    gc.enable()
