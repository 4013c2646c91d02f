"""A stack behind CloudFront on moto: its output, and the distribution with the header that proves a call."""

import json
from typing import Any

import boto3

from services.accounts.edge import KEY_HEADER


def distribute(stack: str, key: str) -> str:
    """Create a distribution that sends ``key``, and a stack with its id as output. Return the id."""
    nothing: dict[str, Any] = {"Quantity": 0}
    origins = [
        {
            "Id": "files",
            "DomainName": "files.s3.us-east-1.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        },
        {
            "Id": "api",
            "DomainName": "api.example.com",
            "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": KEY_HEADER, "HeaderValue": key}]},
            "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
        },
    ]
    config = {
        "CallerReference": "1",
        "Origins": {"Quantity": 2, "Items": origins},
        "DefaultCacheBehavior": {
            "TargetOriginId": "files",
            "ViewerProtocolPolicy": "https-only",
            "MinTTL": 0,
            "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
            "TrustedSigners": {"Enabled": False, **nothing},
        },
        "Comment": "",
        "Enabled": True,
    }
    created: Any = boto3.client("cloudfront").create_distribution(DistributionConfig=config)
    found = str(created["Distribution"]["Id"])
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"WebDistributionId": {"Value": found}},
    }
    boto3.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))
    return found


def sent(distribution: str) -> str:
    """Return the value of the header that the distribution sends."""
    config = boto3.client("cloudfront").get_distribution_config(Id=distribution)["DistributionConfig"]
    (api,) = [origin for origin in config["Origins"]["Items"] if origin["Id"] == "api"]
    (header,) = api["CustomHeaders"]["Items"]
    return str(header["HeaderValue"])
