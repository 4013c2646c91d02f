"""Generate images with LiteLLM and print its responses, or its errors. Runs in .venv/interop.

The argument is a JSON list of calls: the arguments of `image_generation`. The output is a JSON list in the same order.
"""

import json
import sys
from typing import Any

import litellm  # type: ignore[import-not-found]


def generated(call: dict[str, Any]) -> dict[str, Any]:
    """Return the response and its cost, or the error."""
    try:
        response = litellm.image_generation(**call)
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"response": response.model_dump(), "cost": response._hidden_params.get("response_cost")}


print(json.dumps([generated(call) for call in json.loads(sys.argv[1])]))
