"""Amazon Bedrock, for generation."""

import json
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from kit.errors import error_code
from services.generation.model_errors import ModelCallError

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient

    from events.model_catalog import Model


class BedrockModels:
    """Calls InvokeModel, in every region that the catalog names. Implements ``ImageModels``."""

    def __init__(self, home_region: str, create_client: "Callable[[str], BedrockRuntimeClient]") -> None:
        """``create_client`` returns a client for a region. It must never retry by itself."""
        self._home_region = home_region
        self._create_client = create_client
        self._lock = Lock()
        self._clients = {home_region: create_client(home_region)}

    def invoke(self, model: "Model", body: Mapping[str, Any]) -> Any:
        """Invoke the model in the stack's own region if it is available there, otherwise in its first region."""
        region = self._home_region
        if model.regions and region not in model.regions:
            region = model.regions[0]
        try:
            response = self._client(region).invoke_model(
                modelId=model.model_id,
                body=json.dumps(body, ensure_ascii=False).encode(),
                contentType="application/json",
                accept="application/json",
            )
            return json.loads(response["body"].read())
        except ClientError as error:
            raise ModelCallError(error_code(error), str(error.response.get("Error", {}).get("Message", ""))) from error
        except BotoCoreError as error:
            raise ModelCallError(type(error).__name__) from error
        except ValueError as error:
            raise ModelCallError("MalformedResponse") from error

    def _client(self, region: str) -> "BedrockRuntimeClient":
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._create_client(region)
            return self._clients[region]
