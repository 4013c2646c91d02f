"""The Lambda functions. `kit` is imported before boto3, because it turns garbage collection off for the start."""

import kit  # noqa: F401
