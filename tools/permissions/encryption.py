"""What AWS authorises for the encryption key when a function uses a store that it encrypts."""

from collections.abc import Iterator, Sequence
from typing import Final

from tools.permissions.calls import Access
from tools.permissions.stack import Stack

DECRYPT: Final = "kms:Decrypt"
GENERATE: Final = "kms:GenerateDataKey"
USES: Final = {
    "s3:GetObject": (DECRYPT,),
    "s3:PutObject": (GENERATE,),
    "s3:AbortMultipartUpload": (DECRYPT,),  # parts of one object are encrypted with one data key, which S3 reads again
    "sqs:SendMessage": (DECRYPT, GENERATE),
    "sqs:ReceiveMessage": (DECRYPT,),
    "secretsmanager:GetSecretValue": (DECRYPT,),
    "secretsmanager:PutSecretValue": (DECRYPT, GENERATE),
}
"""DynamoDB has its own rule: every use of a table decrypts the table's key, which DynamoDB generated under a grant."""
OF_METADATA: Final = frozenset({"dynamodb:DescribeTable"})


def with_encryption(stack: Stack, accesses: Sequence[Access]) -> list[Access]:
    """Return ``accesses`` and, if the stack has an encryption key, the uses of the key that they cause."""
    if not stack.root.holds({"Condition": "HasCustomerKey"}):
        return list(accesses)
    key = stack.root.children["EncryptionKey"].output("Arn")
    return [*accesses, *(use for access in accesses for use in _uses(access, key, stack.region))]


def _uses(access: Access, key: str, region: str) -> Iterator[Access]:
    service = access.action.partition(":")[0]
    actions = USES.get(access.action, ())
    if service == "dynamodb" and access.action not in OF_METADATA:
        actions = (DECRYPT,)
    via = {"kms:ViaService": frozenset({f"{service}.{region}.amazonaws.com"})}
    for action in actions:
        yield Access(action, key, via, access.origin)
