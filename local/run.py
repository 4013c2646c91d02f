"""`make run`: start the system, generate an image from a prompt, and keep running.

`--once` ends after the first image; `--prompt` sets another prompt; `--cache valkey` starts a cache; `--worker process`
generates in a process.
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

from PIL import Image
from rich.console import Console
from rich.table import Table

from events.pipeline import TERMINAL
from local import state
from local.build import BuildError
from local.deploy import DeployError
from local.emulator import ROOT, NotReadyError, free_port
from local.node import NodeError
from local.stack import DEMO_OWNER, LocalStack
from local.worker import PARAMETERS as WORKER_PARAMETERS

PROMPT = "A lighthouse on a cliff at sunset, waves below, oil painting"
PORT = 4580
SECONDS_TO_IMAGE = 120
POLL_SECONDS = 0.2
IMAGES = state.DIRECTORY / "images"

console = Console(highlight=False, soft_wrap=True)


class RequestFailedError(RuntimeError):
    """The first request did not succeed."""


def main() -> None:
    """Read the command line and run; print a failure as one sentence."""
    parser = argparse.ArgumentParser(prog="python -m local.run", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the first image")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--forward-url", help="image server that replaces the painter")
    parser.add_argument("--cache", choices=["none", "valkey"], default="none", help="the template's parameter Cache")
    parser.add_argument("--worker", choices=["lambda", "process"], default="lambda", help="what generates images")
    parser.add_argument("--cdn", action="store_true", help="deliver images through a stand-in for the CDN")
    arguments = parser.parse_args()
    if running := state.load():
        sys.exit(f"A local stack is already running on {running.api_url}; stop it with `make stop`.")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        run(
            arguments.prompt,
            once=arguments.once,
            forward_url=arguments.forward_url,
            cache=arguments.cache,
            cdn=arguments.cdn,
            worker=arguments.worker,
        )
    except KeyboardInterrupt:
        console.print("\nStopped.")
    except (BuildError, DeployError, NotReadyError, RequestFailedError) as error:
        console.print(f"[red]{type(error).__name__}[/] ", end="")
        sys.exit(str(error))


def run(
    prompt: str,
    *,
    once: bool,
    forward_url: str | None = None,
    cache: str = "none",
    cdn: bool = False,
    worker: str = "lambda",
) -> None:
    """Start everything, generate an image from ``prompt``, and wait for Ctrl-C unless ``once``."""
    started = time.monotonic()
    console.print("[bold]GenAI Image Generator[/] on this machine. The first build takes a minute.")
    stack = LocalStack(
        state.DIRECTORY / "stack",
        port=free_port(preferred=PORT),
        forward_url=forward_url,
        cdn=cdn,
        parameters={"Cache": cache, **(WORKER_PARAMETERS if worker == "process" else {})},
        progress=_step,
    )
    with stack:
        state.State(
            pid=os.getpid(),
            endpoint_url=stack.emulator.url,
            models_url=stack.models.url,
            api_url=stack.api_url,
            prefix=stack.prefix,
            outputs=stack.outputs,
            api_key=stack.api_key,
            admin_key=stack.admin_key,
            parameters=stack.parameters,
        ).save()
        try:
            _generate(stack, prompt)
            _step(f"from start to image in {time.monotonic() - started:.1f} s")
            if not once:
                _print_web(stack)
            _print_next_steps(stack)
            if not once:
                console.print("\nRunning. Press Ctrl-C or use `make stop` to stop.")
                signal.pause()
        finally:
            state.FILE.unlink(missing_ok=True)


def _generate(stack: LocalStack, prompt: str) -> None:
    body = {"prompt": prompt}
    _step(f"POST /v1/requests {json.dumps(body)}")
    accepted = _call(f"{stack.api_url}/v1/requests", stack.api_key, body)
    view = _follow(stack, accepted)
    _print_timeline(view)
    if view["status"] != "succeeded":
        raise RequestFailedError(f"The status of the request is {view['status']}: {view.get('reason')}")
    for image in view["images"]:
        for name, key in (("original", "url"), ("display", "display_url"), ("thumbnail", "thumbnail_url")):
            _download(image[key], f"{view['id']}-{image['index']}-{name}")


def _follow(stack: LocalStack, accepted: dict[str, Any]) -> dict[str, Any]:
    """Poll the request until its status is terminal or stalled; print each status once."""
    status = ""
    deadline = time.monotonic() + SECONDS_TO_IMAGE
    while time.monotonic() < deadline:
        view = _call(stack.api_url + accepted["links"]["self"], stack.api_key)
        if view["status"] != status:
            status = view["status"]
            _step(f"request {view['id']} is [bold]{status}[/]")
        if status in TERMINAL or status == "stalled":
            return view
        time.sleep(POLL_SECONDS)
    raise RequestFailedError(f"No image within {SECONDS_TO_IMAGE} s, the status is {status}. See `make logs`.")


def _print_timeline(view: dict[str, Any]) -> None:
    table = Table(title=f"Timeline of {view['id']}", title_justify="left")
    for column, justify in (("after", "right"), ("event", "left"), ("note", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    first: datetime | None = None
    for moment in view["timeline"]:
        at = datetime.fromisoformat(moment["at"])
        first = first or at
        table.add_row(f"{(at - first).total_seconds() * 1000:,.0f} ms", moment["event"], moment.get("note") or "")
    console.print(table)


def _download(url: str, name: str) -> None:
    """Save the image at ``url`` and check that it can be opened."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        content = answer.read()
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        IMAGES.mkdir(parents=True, exist_ok=True)
        file = IMAGES / f"{name}.{(image.format or 'bin').lower()}"
        size = f"{image.format} {image.width}x{image.height}"
    file.write_bytes(content)
    console.print(f"  {size:16} {len(content):>9,} bytes  {_relative(file)}")


def _print_web(stack: LocalStack) -> None:
    """Publish the web app and print its URL with the API key and that of the reference, or why it was not built."""
    _step("building the web app; the first build takes half a minute")
    try:
        url = stack.publish_web().rstrip("/")
    except (NodeError, OSError, subprocess.CalledProcessError) as error:
        console.print(f"\n[bold]Web app[/]   not built: {error}", end="")
        return
    console.print(
        f"\n[bold]Web app[/]   {url}/#key={stack.api_key}"
        f"\n[bold]Reference[/] {url}/reference/ (every route, with a form to try it; events, guide, changelog)",
        end="",
    )


def _print_next_steps(stack: LocalStack) -> None:
    body = json.dumps({"prompt": "A red fox in a snowy pine forest at dawn, watercolor", "count": 2})
    console.print(
        f"\n[bold]API[/]       {stack.api_url}"
        f"\n[bold]Socket[/]    {stack.outputs['SocketUrl']} (POST {stack.api_url}/v1/tickets returns a ticket)"
        f"\n[bold]Key[/]       {stack.api_key}"
        f"\n          owner {DEMO_OWNER}, all scopes except admin; the admin key: {stack.admin_key}"
        f"\n[bold]Try[/]       curl -s -H 'x-api-key: {stack.api_key}' -H 'content-type: application/json' -d '{body}'"
        f" {stack.api_url}/v1/requests"
        f"\n          curl -s -H 'x-api-key: {stack.api_key}' {stack.api_url}/v1/requests/ID"
        f"\n[bold]AWS[/]       {stack.emulator.url} (any boto3 or aws command with that --endpoint-url, keys test/test)"
        f"\n[bold]Logs[/]      make logs          of functions; of processes: {_relative(stack.emulator.log)}"
        f"\n[bold]Operate[/]   make dlq           dead-letter queues"
        f"\n          make keys          API keys"
        f"\n          make deploy        update this stack after a change"
    )


def _call(url: str, key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"content-type": "application/json", "x-api-key": key})
    if body is not None:
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        raise RequestFailedError(f"{url} answered {error.code}: {error.read().decode(errors='replace')}") from error
    return content


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _step(text: str) -> None:
    console.print(f"[cyan]•[/] {text}")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
