"""The floor of the end-to-end figure: functions that only forward a message."""

import io
import json
import time
import zipfile
from typing import Any, Final

from local.build import Target
from tools.benchmarks.pipeline import SECONDS, Pipeline

NAME: Final = "benchmark-bare"
CODE: Final = """
import json, os, boto3
events, table, bus = boto3.client("events"), boto3.client("dynamodb"), os.environ["BUS"]

def announce(hop, run):
    detail = json.dumps({"run": run})
    events.put_events(Entries=[{"EventBusName": bus, "Source": "bare", "DetailType": hop, "Detail": detail}])

def relay(batch, context):
    for record in batch["Records"]:
        item = record["dynamodb"]["NewImage"]
        announce(item["hop"]["S"], item["run"]["S"])

def step(batch, context):
    for record in batch["Records"]:
        run = json.loads(record["body"])["detail"]["run"]
        announce(os.environ["NEXT"], run)

def write(batch, context):
    for record in batch["Records"]:
        run = json.loads(record["body"])["detail"]["run"]
        key = {"run": {"S": run}, "hop": {"S": os.environ["NEXT"]}}
        table.put_item(TableName=os.environ["TABLE"], Item=key)
"""


class BareChain:
    """A table whose stream is relayed to a bus, a chain of queue consumers, and the table again."""

    STEPS: Final = ("prompt", "generate", "image", "store", "track")
    """The consumers of a successful request; the last one writes."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        stack = pipeline.stack
        self._table = stack.client("dynamodb")
        self._deploy(stack)
        self._changes = pipeline.listen(NAME, "done")

    @property
    def hops(self) -> int:
        """Number of hops: two relays, the steps, and the queue at the end."""
        return len(self.STEPS) + 3

    def run(self) -> float:
        """Return the seconds from the write to the message of the last hop. Raises ``TimeoutError``."""
        run = str(time.time())
        self._table.put_item(TableName=NAME, Item={"run": {"S": run}, "hop": {"S": self.STEPS[0]}})
        started = time.time()
        while time.time() < started + SECONDS:
            if any(body["detail"]["run"] == run for body in self._pipeline.receive(self._changes)):
                return time.time() - started
        raise TimeoutError("the bare chain did not finish")

    def _deploy(self, stack: Any) -> None:
        keys = [("run", "HASH"), ("hop", "RANGE")]
        self._table.create_table(
            TableName=NAME,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        stream = self._table.describe_table(TableName=NAME)["Table"]["LatestStreamArn"]
        stack.client("events").create_event_bus(Name=NAME)
        role = self._role(stack.client("iam"))
        functions = stack.client("lambda")
        self._function(functions, role, "relay", "relay", "")
        functions.create_event_source_mapping(
            FunctionName=f"{NAME}-relay", EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=100
        )
        for step, following in zip(self.STEPS, [*self.STEPS[1:], "done"], strict=True):
            self._function(functions, role, step, "write" if following == "done" else "step", following)
            queue = self._pipeline.listen(NAME, step)
            attributes = stack.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
            functions.create_event_source_mapping(
                FunctionName=f"{NAME}-{step}", EventSourceArn=attributes["Attributes"]["QueueArn"], BatchSize=10
            )

    @staticmethod
    def _role(iam: Any) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=_policy(trust))
        iam.put_role_policy(
            RoleName=NAME, PolicyName=NAME, PolicyDocument=_policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
        )
        return str(role["Role"]["Arn"])

    @staticmethod
    def _function(functions: Any, role: str, name: str, handler: str, following: str) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("bare.py", CODE)
        functions.create_function(
            FunctionName=f"{NAME}-{name}",
            Runtime=Target.host().runtime,
            Handler=f"bare.{handler}",
            Role=role,
            Code={"ZipFile": content.getvalue()},
            Timeout=10,
            MemorySize=256,
            Environment={"Variables": {"BUS": NAME, "TABLE": NAME, "NEXT": following}},
        )


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
