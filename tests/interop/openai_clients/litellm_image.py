"""Generate an image with LiteLLM and print its response, or its error. Runs in .venv/interop.

The argument is a JSON object with the arguments of `image_generation`.
"""

import json
import sys

import litellm  # type: ignore[import-not-found]

try:
    response = litellm.image_generation(**json.loads(sys.argv[1]))
except Exception as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
else:
    print(json.dumps({"response": response.model_dump(), "cost": response._hidden_params.get("response_cost")}))
