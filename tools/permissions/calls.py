"""Translate AWS API calls into the IAM actions, resources and condition keys by which AWS authorises them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tools.permissions.stack import ACCOUNT, SECRET_SUFFIX, Function

Keys = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Access:
    """One action on one resource, with the condition keys of the request."""

    action: str
    resource: str
    keys: Keys = field(default_factory=dict)
    origin: str = "code"
    """``code``, or the service that makes the call with the function's role."""

    def __hash__(self) -> int:
        return hash((self.action, self.resource, self.origin))


Translation = Callable[[str, Mapping[str, Any]], Iterator[Access]]
"""Region of the client and parameters of the call → what AWS authorises."""


def accesses_of(service: str, operation: str, region: str, parameters: Mapping[str, Any]) -> list[Access]:
    """Return what AWS authorises for one call. Raises ``KeyError`` for a call of an unknown kind."""
    try:
        translate = TRANSLATIONS[service, operation]
    except KeyError:
        raise KeyError(f"tools/permissions/calls.py does not know {service}:{operation}; add it") from None
    return list(translate(region, parameters))


def accesses_by_lambda(function: Function) -> Iterator[Access]:
    """Yield what Lambda does with the role of ``function``: it writes the log and polls the event sources.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html and
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html name the permissions.
    """
    log = f"log-group:/aws/lambda/{function.physical_name}:log-stream:any"
    for action in ("CreateLogStream", "PutLogEvents"):
        yield Access(f"logs:{action}", _arn("logs", function.region, log), origin="Lambda")
    for mapping in function.sources:
        source = mapping["EventSourceArn"]
        kind = source.split(":")[2]
        for action in POLLING[kind]:
            yield Access(f"{kind}:{action}", source, origin="Lambda")
        failed = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if failed:
            yield Access("sqs:SendMessage", failed, origin="Lambda")


POLLING: Final = {
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    "dynamodb": ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
}


def _arn(service: str, region: str, resource: str) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


# DynamoDB: transactions are authorised per item -----------------------------------------------------------------------


def _item_action(action: str) -> Translation:
    def translate(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
        yield _item_access(action, region, parameters)

    return translate


def _item_access(action: str, region: str, parameters: Mapping[str, Any]) -> Access:
    table = f"table/{parameters['TableName']}"
    if "IndexName" in parameters:
        table += f"/index/{parameters['IndexName']}"
    return Access(f"dynamodb:{action}", _arn("dynamodb", region, table), _item_keys(action, parameters))


def _item_keys(action: str, parameters: Mapping[str, Any]) -> Keys:
    """Return the partition keys and attributes that a request names, and what it selects."""
    found = {"dynamodb:Attributes": _attributes(parameters)}
    if leading := _leading_keys(parameters):
        found["dynamodb:LeadingKeys"] = leading
    if action in {"GetItem", "BatchGetItem", "Query", "Scan"}:
        select = "SPECIFIC_ATTRIBUTES" if "ProjectionExpression" in parameters else "ALL_ATTRIBUTES"
        found["dynamodb:Select"] = frozenset({parameters.get("Select", select)})
    return found


def _attributes(parameters: Mapping[str, Any]) -> frozenset[str]:
    names = parameters.get("ExpressionAttributeNames", {})
    keys: list[Mapping[str, Any]] = parameters.get("Keys", [])
    found = {name for item in (parameters.get("Item", {}), parameters.get("Key", {}), *keys) for name in item}
    for kind, text in parameters.items():
        if kind.endswith("Expression"):
            for path in re.findall(r"(?<![:\w.#])#?[A-Za-z_][\w]*", re.sub(r"\b[\w]+\(", "(", text)):
                if path.upper() not in WORDS:
                    found.add(names.get(path, path))
    return frozenset(found)


WORDS: Final = frozenset({"SET", "ADD", "REMOVE", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"})
"""The words of DynamoDB's expressions."""


def _leading_keys(parameters: Mapping[str, Any]) -> frozenset[str]:
    for place in ("Item", "Key"):
        if place in parameters:
            return frozenset({_partition(parameters[place])})
    if "Keys" in parameters:
        return frozenset(map(_partition, parameters["Keys"]))
    condition = re.search(r"(#?\w+) = (:\w+)", parameters.get("KeyConditionExpression", ""))
    return frozenset({_text(parameters["ExpressionAttributeValues"][condition[2]])}) if condition else frozenset()


def _partition(item: Mapping[str, Any]) -> str:
    return _text(item["pk"] if "pk" in item else item["request_id"])


def _text(value: Any) -> str:
    return str(next(iter(value.values())) if isinstance(value, dict) else value)


def _transaction(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
    actions = {
        "Put": "PutItem",
        "Update": "UpdateItem",
        "Delete": "DeleteItem",
        "ConditionCheck": "ConditionCheckItem",
        "Get": "GetItem",
    }
    for item in parameters["TransactItems"]:
        for kind, inner in item.items():
            yield _item_access(actions[kind], region, inner)


def _batch_get(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
    for table, request in parameters["RequestItems"].items():
        yield _item_access("BatchGetItem", region, {"TableName": table, **request})


def _batch_write(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
    for table, requests in parameters["RequestItems"].items():
        keys = [
            each["DeleteRequest"]["Key"] if "DeleteRequest" in each else each["PutRequest"]["Item"] for each in requests
        ]
        yield _item_access("BatchWriteItem", region, {"TableName": table, "Keys": keys})


# The other services -------------------------------------------------------------------------------------------------


def _table(action: str) -> Translation:
    return _on("dynamodb", action, lambda parameters: f"table/{parameters['TableName']}")


def _queue(*actions: str) -> Translation:
    def translate(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
        name = parameters.get("QueueName") or parameters["QueueUrl"].rsplit("/", 1)[-1]
        for action in actions:
            yield Access(f"sqs:{action}", _arn("sqs", region, name))

    return translate


def _on(service: str, action: str, resource: Callable[[Mapping[str, Any]], str]) -> Translation:
    def translate(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
        yield Access(f"{service}:{action}", _arn(service, region, resource(parameters)))

    return translate


def _without_resource(action: str) -> Translation:
    def translate(_region: str, _parameters: Mapping[str, Any]) -> Iterator[Access]:
        yield Access(action, "*")

    return translate


def _bucket(action: str) -> Translation:
    def translate(_region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
        keys = {"s3:prefix": frozenset({parameters["Prefix"]})} if "Prefix" in parameters else {}
        yield Access(f"s3:{action}", f"arn:aws:s3:::{parameters['Bucket']}", keys)

    return translate


def _object(action: str) -> Translation:
    def translate(_region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
        yield Access(f"s3:{action}", f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}")

    return translate


def _objects(action: str) -> Translation:
    def translate(_region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
        for item in parameters["Delete"]["Objects"]:
            versioned = f"{action}Version" if "VersionId" in item else action
            yield Access(f"s3:{versioned}", f"arn:aws:s3:::{parameters['Bucket']}/{item['Key']}")

    return translate


def _secret(action: str) -> Translation:
    def translate(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
        name = parameters["SecretId"]
        arn = name if name.startswith("arn:") else _arn("secretsmanager", region, f"secret:{name}{SECRET_SUFFIX}")
        yield Access(f"secretsmanager:{action}", arn)

    return translate


def _events(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
    """The conditions are on all entries of the call: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html."""
    entries: Sequence[Mapping[str, str]] = parameters["Entries"]
    for bus in sorted({entry["EventBusName"] for entry in entries}):
        keys = {
            "events:source": frozenset(entry["Source"] for entry in entries),
            "events:detail-type": frozenset(entry["DetailType"] for entry in entries),
        }
        yield Access("events:PutEvents", _arn("events", region, f"event-bus/{bus}"), keys)


def _model(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
    """Converse and InvokeModel are one action. A call through a profile needs the profile and the model behind it."""
    model: str = parameters["modelId"]
    geography, _, bare = model.partition(".")
    if model.startswith("arn:"):
        yield Access("bedrock:InvokeModel", model)
    elif geography in GEOGRAPHIES:
        profile = _arn("bedrock", region, f"inference-profile/{model}")
        yield Access("bedrock:InvokeModel", profile)
        for target in GEOGRAPHIES[geography]:
            keys = {"bedrock:InferenceProfileArn": frozenset({profile})}
            yield Access("bedrock:InvokeModel", f"arn:aws:bedrock:{target}::foundation-model/{bare}", keys)
    else:
        yield Access("bedrock:InvokeModel", f"arn:aws:bedrock:{region}::foundation-model/{model}")


GEOGRAPHIES: Final = {"us": ("us-east-1", "us-east-2", "us-west-2")}
"""The regions to which an inference profile may route."""


def _detect(action: str) -> Translation:
    def translate(_region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
        yield Access(f"rekognition:{action}", "*")
        place = parameters["Image"]["S3Object"]  # Rekognition reads it with the caller's role
        yield Access("s3:GetObject", f"arn:aws:s3:::{place['Bucket']}/{place['Name']}", origin="Rekognition")

    return translate


def _found_model(region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
    model = parameters["modelIdentifier"]
    yield Access("bedrock:GetFoundationModel", f"arn:aws:bedrock:{region}::foundation-model/{model}")


def _connection(method: str) -> Translation:
    return _on(
        "execute-api", "ManageConnections", lambda each: f"SocketApi/live/{method}/@connections/{each['ConnectionId']}"
    )


def _invalidation(_region: str, parameters: Mapping[str, Any]) -> Iterator[Access]:
    place = f"arn:aws:cloudfront::{ACCOUNT}:distribution/{parameters['DistributionId']}"
    yield Access("cloudfront:CreateInvalidation", place)


TRANSLATIONS: Final[Mapping[tuple[str, str], Translation]] = {
    **{
        ("dynamodb", name): _item_action(name)
        for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan")
    },
    ("dynamodb", "TransactWriteItems"): _transaction,
    ("dynamodb", "TransactGetItems"): _transaction,
    ("dynamodb", "BatchGetItem"): _batch_get,
    ("dynamodb", "BatchWriteItem"): _batch_write,
    ("dynamodb", "DescribeTable"): _table("DescribeTable"),
    ("sqs", "SendMessage"): _queue("SendMessage"),
    ("sqs", "ReceiveMessage"): _queue("ReceiveMessage"),
    ("sqs", "ChangeMessageVisibility"): _queue("ChangeMessageVisibility"),
    # AWS authorises a batch as the single action; the emulator checks the name of the call as well.
    ("sqs", "ChangeMessageVisibilityBatch"): _queue("ChangeMessageVisibility", "ChangeMessageVisibilityBatch"),
    ("sqs", "DeleteMessageBatch"): _queue("DeleteMessage", "DeleteMessageBatch"),
    ("sqs", "GetQueueUrl"): _queue("GetQueueUrl"),
    ("sqs", "GetQueueAttributes"): _queue("GetQueueAttributes"),
    ("s3", "GetObject"): _object("GetObject"),
    ("s3", "PutObject"): _object("PutObject"),
    ("s3", "CreateMultipartUpload"): _object("PutObject"),
    ("s3", "UploadPart"): _object("PutObject"),
    ("s3", "CompleteMultipartUpload"): _object("PutObject"),
    ("s3", "AbortMultipartUpload"): _object("AbortMultipartUpload"),
    ("s3", "DeleteObject"): _object("DeleteObject"),
    ("s3", "DeleteObjects"): _objects("DeleteObject"),
    ("s3", "HeadBucket"): _bucket("ListBucket"),
    ("s3", "ListObjectsV2"): _bucket("ListBucket"),
    ("s3", "ListObjectVersions"): _bucket("ListBucketVersions"),
    ("secretsmanager", "DescribeSecret"): _secret("DescribeSecret"),
    ("secretsmanager", "GetSecretValue"): _secret("GetSecretValue"),
    ("secretsmanager", "PutSecretValue"): _secret("PutSecretValue"),
    ("events", "PutEvents"): _events,
    ("events", "DescribeEventBus"): _on("events", "DescribeEventBus", lambda each: f"event-bus/{each['Name']}"),
    ("bedrock-runtime", "Converse"): _model,
    ("bedrock-runtime", "InvokeModel"): _model,
    ("bedrock-runtime", "ApplyGuardrail"): _on(
        "bedrock", "ApplyGuardrail", lambda each: f"guardrail/{each['guardrailIdentifier']}"
    ),
    ("bedrock", "GetFoundationModel"): _found_model,
    **{("rekognition", name): _detect(name) for name in ("DetectModerationLabels", "DetectFaces")},
    ("apigatewaymanagementapi", "PostToConnection"): _connection("POST"),
    ("apigatewaymanagementapi", "DeleteConnection"): _connection("DELETE"),
    ("cloudfront", "CreateInvalidation"): _invalidation,
    **{
        ("cloudfront", name): _without_resource(f"cloudfront:{name}")
        for kind in ("KeyGroup", "PublicKey")
        for name in (f"Create{kind}", f"Get{kind}", f"Delete{kind}", f"List{kind}s")
    },
    ("lambda", "Invoke"): _on(
        "lambda", "InvokeFunction", lambda each: f"function:{each['FunctionName'].partition(':function:')[2]}"
    ),
    ("logs", "DescribeLogGroups"): _without_resource("logs:DescribeLogGroups"),
    ("logs", "FilterLogEvents"): _on("logs", "FilterLogEvents", lambda each: f"log-group:{each['logGroupName']}"),
    ("cloudwatch", "GetMetricData"): _without_resource("cloudwatch:GetMetricData"),
}
