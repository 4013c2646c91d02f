"""Keys in Secrets Manager."""

import boto3
from moto import mock_aws

from kit.secrets import secret_key


def test_a_secret_is_read_on_first_use_and_cached(aws_test_environment: None) -> None:
    with mock_aws():
        client = boto3.client("secretsmanager")
        key = secret_key(client, "x-key-hashing")
        client.create_secret(Name="x-key-hashing", SecretString="pepper")
        assert key() == b"pepper"
        client.delete_secret(SecretId="x-key-hashing", ForceDeleteWithoutRecovery=True)
        assert key() == b"pepper"
