"""`web`: publish the built web app."""

from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from cli.options import EXIT_CODES, OK
from cli.stack import read_stack
from cli.web_publishing import DIST, NotBuiltError, files, publish


@click.group(epilog=EXIT_CODES)
def web() -> None:
    """Publish the web app."""


@web.command("publish", epilog=EXIT_CODES)
@click.option(
    "--stack",
    envvar="GENAI_IMAGES_STACK",
    default="genai-images-dev",
    show_default=True,
    help="Name of the deployed stack.",
)
@click.option(
    "--api-url", envvar="GENAI_IMAGES_API_URL", help="URL of the API, if it differs from the output of the stack."
)
@click.option("--profile", envvar="AWS_PROFILE", help="Profile of your AWS configuration.")
@click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS region.")
@click.option("--endpoint-url", help="AWS endpoint, such as an emulator's. Default: AWS_ENDPOINT_URL, or AWS.")
def publish_(stack: str, api_url: str | None, profile: str | None, region: str | None, endpoint_url: str | None) -> int:
    """Publish the built web app to the bucket of a deployed stack."""
    session = boto3.Session(profile_name=profile, region_name=region)
    cloudformation: Any = session.client("cloudformation", endpoint_url=endpoint_url)
    try:
        outputs = read_stack(cloudformation, stack).outputs
        if "WebBucketName" not in outputs:
            click.echo(f"{stack} has no web app, because it is deployed with Cdn=off. Nothing was published.")
            return OK  # a release workflow publishes to every environment
        wanted = files(DIST, api_url or outputs["ApiUrl"])
        removed = publish(session.client("s3", endpoint_url=endpoint_url), outputs["WebBucketName"], wanted)
    except (ClientError, BotoCoreError, NotBuiltError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{len(wanted)} files published, {removed} files of earlier builds removed: {outputs['WebUrl']}")
    return OK
