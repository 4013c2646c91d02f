"""The command line `genai-images`. Its address and key are the environment variables API and API_KEY."""

import argparse
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, cast

from genai_images import models
from genai_images._protocol import RequestOptions, present
from genai_images._sync.client import GENERATE_SECONDS, Client
from genai_images.errors import ImagesError, NotGeneratedError, TimedOut

EXIT_CODES: Final = """\
exit codes:
  0  done
  1  the API refused the call or did not answer
  2  wrong usage
  3  the request finished without images: rejected, failed, cancelled or expired
  4  the request is not finished after --timeout seconds; it goes on
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Results go to standard output, everything else to standard error."""
    given = parser().parse_args(arguments)
    command: Callable[[Client, argparse.Namespace], None] = given.command
    try:
        with Client() as client:
            command(client, given)
    except ImagesError as error:
        print(error, file=sys.stderr)
        return 3 if isinstance(error, NotGeneratedError) else 4 if isinstance(error, TimedOut) else 1
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def generate(client: Client, given: argparse.Namespace) -> None:
    """Generate images, save them, and print the files."""
    named = {name: getattr(given, name) for name in RequestOptions.__annotations__ if name in given}
    options = cast("RequestOptions", present(**named))
    given.folder.mkdir(parents=True, exist_ok=True)
    request = client.submit(given.prompt, **options)

    def show(status: models.Status) -> None:
        print(f"{request.id} {status}", file=sys.stderr)

    generation = client.wait(request.id, timeout=given.timeout, on_status=show)
    for removed in generation.removed:
        print(f"image {removed.index} was removed: {removed.reason}", file=sys.stderr)
    for image in generation.images:
        print(image.save(given.folder))


def status(client: Client, given: argparse.Namespace) -> None:
    """Print the status of a request, its timeline and its images."""
    request = client.requests.get(given.id)
    print(f"{request.status}: {request.reason.detail}" if request.reason else request.status)
    for entry in request.timeline:
        print(f"  {entry.at:%Y-%m-%d %H:%M:%S} {entry.event} {entry.note or ''}".rstrip())
    for image in request.images:
        print(f"  image {image.id} {image.width}x{image.height} {image.url or 'deleted'}")


def list_requests(client: Client, given: argparse.Namespace) -> None:
    """Print the newest requests."""
    for request in islice(client.requests.list(), given.limit):
        print(f"{request.id}  {request.created_at:%Y-%m-%d %H:%M:%S}  {request.status}")


def list_models(client: Client, _given: argparse.Namespace) -> None:
    """Print the models with what they support."""
    for model in client.models.list():
        shapes = ", ".join(model.aspect_ratios or model.sizes)
        prices = ", ".join(f"{quality} ${price}" for quality, price in model.price_usd.items())
        print(f"{model.key}{' (default)' if model.default else ''}: {prices}; {shapes}")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a number of at least 1, not {text}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = argparse.ArgumentParser(
        "genai-images",
        description="Generate images. The environment variables API and API_KEY contain the address and a key.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="command")

    one = commands.add_parser("generate", help="generate images from a prompt and save them")
    one.set_defaults(command=generate)
    one.add_argument("prompt")
    one.add_argument("--negative-prompt", help="what the images must not show")
    one.add_argument("--model", help="a model of `genai-images models`")
    one.add_argument("--count", type=int, help="number of images (default: 1)")
    one.add_argument("--size", help="for example 1024x1024")
    one.add_argument("--aspect-ratio", help="for example 16:9")
    one.add_argument("--style")
    one.add_argument("--seed", type=int)
    one.add_argument("--quality", choices=["standard", "premium"])
    one.add_argument("--folder", type=Path, default=Path(), help="for the images (default: the current one)")
    one.add_argument("--timeout", type=float, default=GENERATE_SECONDS, help="in seconds (default: %(default)g)")

    one = commands.add_parser("status", help="show the status of a request, its timeline and its images")
    one.set_defaults(command=status)
    one.add_argument("id")

    one = commands.add_parser("list", help="list the newest requests")
    one.set_defaults(command=list_requests)
    one.add_argument("--limit", type=_positive, default=20, help="at most so many (default: %(default)s)")

    one = commands.add_parser("models", help="list the models with their prices and what they support")
    one.set_defaults(command=list_models)
    return whole
