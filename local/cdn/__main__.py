"""Serve the images of the emulator's distribution until the end."""

import argparse

import boto3

from local.cdn.edge import Edge


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.cdn", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--endpoint-url", required=True)
    arguments = parser.parse_args()
    cloudfront = boto3.client("cloudfront", endpoint_url=arguments.endpoint_url)
    Edge(arguments.host, arguments.port, arguments.endpoint_url, cloudfront).serve_forever()


if __name__ == "__main__":
    main()
