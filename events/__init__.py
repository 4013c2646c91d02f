"""The contract between services: every event, how it is published, and how it is consumed."""

import gc
import os

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Initialising a function allocates a lot and leaves no garbage: collecting meanwhile is a tenth of its cold start.
    # `events.startup.finished` turns it on again.
    gc.disable()
