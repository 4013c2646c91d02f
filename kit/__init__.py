"""Building blocks that all services share: consuming and publishing events, HTTP APIs, settings, telemetry."""

import gc
import os

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Initialising a function allocates much and leaves no garbage. Without collections it is about 10 % faster.
    # `kit.startup.finished` turns the collector on again.
    gc.disable()
