"""`python -m services.web --stack genai-images-dev`: publish the built app to a deployed stack."""

import sys

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from services.web.publish import DIST, NotBuiltError, files, publish


@click.command()
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
@click.option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS region.")
@click.option("--endpoint-url", envvar="AWS_ENDPOINT_URL", help="AWS endpoint, for example of an emulator.")
def main(stack: str, api_url: str | None, region: str | None, endpoint_url: str | None) -> None:
    """Publish the built web app to the bucket of a deployed stack."""
    session = boto3.Session(region_name=region)
    try:
        response = session.client("cloudformation", endpoint_url=endpoint_url).describe_stacks(StackName=stack)
        outputs = {each["OutputKey"]: each["OutputValue"] for each in response["Stacks"][0]["Outputs"]}
        wanted = files(DIST, api_url or outputs["ApiUrl"])
        removed = publish(session.client("s3", endpoint_url=endpoint_url), outputs["WebBucketName"], wanted)
    except (ClientError, BotoCoreError, NotBuiltError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{len(wanted)} files published, {removed} files of earlier builds removed: {outputs['WebUrl']}")


if __name__ == "__main__":
    sys.exit(main())
