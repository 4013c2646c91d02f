"""The origins of the images' distribution, on the emulator: a bucket and a function's URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

KEPT = ("Content-Type", "Cache-Control")
"""The headers of an origin that viewers get."""


@dataclass(frozen=True)
class Answer:
    """What an origin answers."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Origins:
    """Asks origins by their domain, as CloudFront does with origin access control."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._session = boto3.Session()
        self._s3: Any = self._session.client("s3", endpoint_url=endpoint_url)
        self._http = urllib3.PoolManager(retries=False)

    def get(self, domain: str, path: str) -> Answer:
        """Return the answer of an origin."""
        if ".lambda-url." in domain:
            return self._from_function(domain.partition(".")[0], path)
        return self._from_bucket(domain.partition(".s3.")[0], path.removeprefix("/"))

    def _from_bucket(self, bucket: str, key: str) -> Answer:
        try:
            found = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return Answer(403, {}, b"")  # S3 answers so to whoever may not list the bucket
        headers = {"Content-Type": found["ContentType"], "Cache-Control": found.get("CacheControl", "")}
        return Answer(200, headers, found["Body"].read())

    def _from_function(self, url_id: str, path: str) -> Answer:
        address = f"{self._endpoint_url}/_aws/lambda-url/{url_id}{path}"
        request, credentials = AWSRequest("GET", address), self._session.get_credentials()
        assert credentials is not None
        SigV4Auth(credentials, "lambda", self._session.region_name).add_auth(request)
        found = self._http.request("GET", address, headers=dict(request.headers), timeout=30)
        return Answer(found.status, {name: found.headers[name] for name in KEPT if name in found.headers}, found.data)
