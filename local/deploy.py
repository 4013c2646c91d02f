"""Deploy the template to the emulator: build, package, one change set, and the corrections that the emulator needs.

`python -m local.deploy` updates the stack that `make run` started.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cli import edge_key
from kit.errors import error_code
from kit.keyring import Keyring
from local import state
from local.build import LOCAL_BUILD, Target, build_local, build_lock, version
from local.emulator import REGION
from local.package import package
from local.state import STACK

BUCKET = "local-deploy"
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
TAGS = {"project": "genai-images", "environment": "local", "service": "platform"}
PARAMETERS = {
    "Environment": "local",
    "DataRetention": "Delete",
    "RequireTls": "false",  # the emulator only has HTTP, which the policies would deny
    "CompositeAlarms": "off",  # not supported by the emulator
    "DailyBudgetUsd": "0",  # the models of the emulator cost nothing
    "ShadowPolicy": "candidate",
    "WebhookLoopback": "true",  # local webhooks can only call this machine
    "BatchingWindowSeconds": "1",  # someone is waiting for the result
}
"""All parameters that differ on a laptop."""
POLL_SECONDS = 0.1

Progress = Callable[[str], None]


class DeployError(RuntimeError):
    """The deployment failed. The text names each failed resource and the reason."""


def client(service: str, endpoint_url: str, region: str = REGION) -> Any:
    """Return a boto3 client on the emulator, as its root user."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 3, "mode": "standard"}, max_pool_connections=20),
    )


def deploy(
    endpoint_url: str, progress: Progress, parameters: Mapping[str, str] | None = None, region: str = REGION
) -> dict[str, str]:
    """Build what changed and create or update the stack on the emulator at ``endpoint_url``; return its outputs.

    ``parameters`` override ``PARAMETERS``. Raises ``DeployError`` or ``local.build.BuildError``.
    """
    s3 = client("s3", endpoint_url, region)
    with build_lock():
        progress("sam build" if build_local() else "sam build: nothing has changed")
        _ensure_bucket(s3, region)

        def upload(key: str, content: bytes) -> str:
            s3.put_object(Bucket=BUCKET, Key=key, Body=content)
            return f"{endpoint_url}/{BUCKET}/{key}"

        template = package(LOCAL_BUILD / "template.yaml", upload)
    progress(f"deploy template.yaml and {_count_nested(template)} services")
    target = Target.host()
    merged = {
        **PARAMETERS,
        "EmulatorHost": urlsplit(endpoint_url).netloc,
        "Version": version(),
        "Runtime": target.runtime,
        "Architecture": target.architecture,
        **(parameters or {}),
    }
    declared = template.get("Parameters", {})
    outputs = _run_change_set(
        client("cloudformation", endpoint_url, region),
        template_url=upload("root.template", json.dumps(template).encode()),
        parameters={name: value for name, value in merged.items() if name in declared},
    )
    defaults = {name: parameter.get("Default", "") for name, parameter in declared.items()}
    _ensure_archive(client("events", endpoint_url, region), outputs)
    _set_edge_key(endpoint_url, outputs)
    _set_cors(client("apigatewayv2", endpoint_url, region), template, {**defaults, **merged}, outputs)
    return {
        **outputs,
        "ApiUrl": f"{endpoint_url}/_aws/execute-api/{outputs['ApiId']}",
        "WebUrl": _local_cdn(outputs["WebUrl"], endpoint_url),
    }


def _local_cdn(url: str, endpoint_url: str) -> str:
    """Return the emulator's URL of a distribution. Browsers resolve names below ``localhost`` to this machine."""
    label = urlsplit(url).netloc.split(".")[0]
    return f"http://{label}.cloudfront.localhost:{urlsplit(endpoint_url).port}"


def _run_change_set(cloudformation: Any, template_url: str, parameters: Mapping[str, str]) -> dict[str, str]:
    name = f"local-{time.time_ns()}"
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName=name,
        ChangeSetType="UPDATE" if _exists(cloudformation) else "CREATE",
        TemplateURL=template_url,
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()],
    )
    change_set = _poll(lambda: cloudformation.describe_change_set(StackName=STACK, ChangeSetName=name), "Status")
    if change_set["Status"] == "FAILED":
        if "didn't contain changes" in change_set.get("StatusReason", ""):
            return _outputs(cloudformation.describe_stacks(StackName=STACK)["Stacks"][0])
        raise DeployError(f"change set: {change_set.get('StatusReason')}")
    cloudformation.execute_change_set(StackName=STACK, ChangeSetName=name)
    stack = _poll(lambda: cloudformation.describe_stacks(StackName=STACK)["Stacks"][0], "StackStatus")
    if stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise DeployError(f"{stack['StackStatus']}\n{_failures(cloudformation)}")
    return _outputs(stack)


def _set_edge_key(endpoint_url: str, outputs: Mapping[str, str]) -> None:
    """Make the CDN send the edge key, if the API is behind it.

    The emulator does not resolve `{{resolve:secretsmanager:…}}` in nested templates.
    """
    try:
        secret = client("secretsmanager", endpoint_url).get_secret_value(
            SecretId=f"{outputs['Prefix']}-accounts-edge-key"
        )
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return
    keyring = Keyring.parse(secret["SecretString"])
    edge_key.send(client("cloudfront", endpoint_url), outputs["WebDistributionId"], keyring)


def _poll(describe: Callable[[], Any], status: str) -> Any:
    while True:
        answer = describe()
        if not answer[status].endswith(("_PENDING", "_IN_PROGRESS")):
            return answer
        time.sleep(POLL_SECONDS)


def _exists(cloudformation: Any) -> bool:
    try:
        cloudformation.describe_stacks(StackName=STACK)
    except ClientError:
        return False
    return True


def _outputs(stack: Any) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _failures(cloudformation: Any) -> str:
    """Return one line per failed resource of this stack and of its nested stacks."""
    lines = []
    for stack in cloudformation.describe_stacks()["Stacks"]:
        for event in cloudformation.describe_stack_events(StackName=stack["StackName"])["StackEvents"]:
            if event["ResourceStatus"].endswith("_FAILED"):
                resource = f"{stack['StackName']} {event['LogicalResourceId']} ({event['ResourceType']})"
                lines.append(f"  {resource}: {event.get('ResourceStatusReason', 'no reason stated')}")
    return "\n".join(dict.fromkeys(lines))


def _set_cors(
    apigateway: Any, template: Mapping[str, Any], parameters: Mapping[str, str], outputs: Mapping[str, str]
) -> None:
    """Set the API's CORS again: the emulator stores the template's settings under keys that it does not read."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "CorsConfiguration" in resource["Properties"]:
            cors = resource["Properties"]["CorsConfiguration"]
            origins = parameters[cors["AllowOrigins"]["Ref"]].split(",")
            apigateway.update_api(ApiId=outputs["ApiId"], CorsConfiguration={**cors, "AllowOrigins": origins})


def _ensure_archive(events: Any, outputs: Mapping[str, str]) -> None:
    """Create the archive of the bus, which the template creates only on AWS."""
    bus = events.describe_event_bus(Name=outputs["EventBusName"])["Arn"]
    if not events.list_archives(EventSourceArn=bus)["Archives"]:
        events.create_archive(ArchiveName=outputs["Prefix"], EventSourceArn=bus)


def _ensure_bucket(s3: Any, region: str) -> None:
    place = {} if region == REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # in us-east-1, S3 returns 200 instead
        s3.create_bucket(Bucket=BUCKET, **place)


def _count_nested(template: Mapping[str, Any]) -> int:
    return sum(resource["Type"] == "AWS::CloudFormation::Stack" for resource in template["Resources"].values())


def main() -> None:
    """Update the running local stack."""
    running = state.load()
    if running is None:
        sys.exit("No local stack is running. Start one with `make run`.")
    started = time.monotonic()
    deploy(running.endpoint_url, progress=print, parameters=running.parameters)
    print(f"Updated {running.endpoint_url} in {time.monotonic() - started:.1f} s.")


if __name__ == "__main__":
    main()
