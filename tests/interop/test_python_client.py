"""The Python client as its users get it: the built wheel in an environment of its own, on the deployed system."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from local.emulator import ROOT
from tests.support.hook import Hook
from tests.support.system import System
from tools import python_client

README = (ROOT / "clients" / "python" / "README.md").read_text()
EXAMPLE = ROOT / "docs" / "examples" / "generate.py"
INSTALL, *COMMANDS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
FIRST, ASYNC, RESOURCES, WEBHOOK = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=180, check=False
    )


@dataclass
class User:
    """A user of the installed package, with a folder of their own."""

    bin: Path
    folder: Path
    api: str
    key: str

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, with the address and the key of the API."""
        env = {"PATH": f"{self.bin}:{os.defpath}", "API": self.api, "API_KEY": self.key}
        return run(*command, cwd=self.folder, env=env)

    def python(self, code: str) -> str:
        """Run Python code that must succeed, and return its output."""
        done = self.run(self.bin / "python", "-I", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def saved(self) -> list[tuple[int, int]]:
        """Return the sizes of the images in the folder and below."""
        sizes = []
        for path in self.folder.rglob("*.png"):
            with Image.open(path) as image:
                image.load()
                sizes.append(image.size)
        return sizes


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the package, built from the folder that its README names."""
    folder = tmp_path_factory.mktemp("installed")
    named = re.fullmatch(r"pip install \./(\S+)\n", INSTALL)
    assert named
    # Offline: the backend is part of the pinned uv. The dependencies have the versions of the development environment.
    built = run(UV, "build", "--offline", "--wheel", "--out-dir", folder / "dist", ROOT / named[1], cwd=folder)
    assert built.returncode == 0, built.stderr
    made = run(UV, "venv", "--python", sys.executable, folder / "venv", cwd=folder)
    assert made.returncode == 0, made.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    pins = ("--constraint", ROOT / "requirements" / "dev.txt", "--no-build")
    installed = run(UV, "pip", "install", "--python", folder / "venv", *pins, wheel, cwd=folder)
    assert installed.returncode == 0, installed.stderr
    return folder / "venv" / "bin"


@pytest.fixture
def user(stack: System, environment: Path, tmp_path: Path) -> User:
    """A user of the deployed system."""
    return User(environment, tmp_path, stack.stack.api_url, stack.stack.api_key)


def test_generated_files_are_up_to_date() -> None:
    stale = [path.name for path, text in python_client.outputs().items() if path.read_text() != text]

    assert stale == [], "run `make clients`"


def test_the_package_needs_nothing_of_the_repository(environment: Path, tmp_path: Path) -> None:
    code = "import genai_images, sys; print(genai_images.__file__); import events"
    done = run(environment / "python", "-I", "-c", code, cwd=tmp_path, env={})

    assert Path(done.stdout.strip()).is_relative_to(environment.parent)
    assert "No module named 'events'" in done.stderr


def test_types_of_the_package_are_found(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(
        "from genai_images import Client\n"
        "reveal_type(Client().generate('a fox', count=2).images[0].width)\n"
        "Client().generate('a fox', colour='red')\n"
    )
    mypy = Path(sys.executable).with_name("mypy")
    done = run(mypy, "--strict", "--python-executable", environment / "python", "use.py", cwd=tmp_path)

    assert 'Revealed type is "int"' in done.stdout, done.stdout + done.stderr
    assert 'Unexpected keyword argument "colour"' in done.stdout
    assert "Found 1 error" in done.stdout


def test_the_first_lines_of_the_readme_save_two_images(user: User) -> None:
    output = user.python(FIRST)

    assert len(user.saved()) == 2
    assert {Path(line).name for line in output.splitlines()} == {path.name for path in user.folder.iterdir()}


def test_the_async_lines_of_the_readme_save_two_images(user: User) -> None:
    user.python(ASYNC)

    assert len(user.saved()) == 2


def test_the_lines_about_resources_find_and_delete_the_image(stack: System, user: User) -> None:
    user.key = stack.stack.make_key("readme", limit=1000)
    user.python("from genai_images import Client; Client().generate('A red fox in the snow', timeout=120)")
    found = stack.wait_until(
        lambda: stack.call("GET", "/v1/images?q=fox", key=user.key).json["images"], what="the search to find the image"
    )
    price, *images = user.python(RESOURCES).splitlines()

    assert float(price) > 0
    assert f"{found[0]['id']} A red fox in the snow" in images
    assert stack.call("GET", f"/v1/images/{found[0]['id']}", key=user.key).status == 404
    statuses = [request["status"] for request in stack.call("GET", "/v1/requests", key=user.key).json["requests"]]
    assert statuses == ["succeeded"] * 2


def test_the_commands_of_the_readme_work(user: User) -> None:
    (commands,) = COMMANDS
    done = user.run("bash", "-euc", commands)

    assert done.returncode == 0, done.stderr
    files, requests = done.stdout.splitlines()[:2], done.stdout.splitlines()[2:]
    assert all((user.folder / file).is_file() for file in files)
    assert len(user.saved()) == 2
    assert 1 <= len(requests) <= 5
    assert requests[0].endswith("succeeded")
    assert "succeeded" in done.stderr


def test_a_webhook_of_the_system_is_verified(stack: System, user: User, hook: Hook) -> None:
    user.key = stack.stack.make_key("pythonhook", limit=1000)
    register = f"from genai_images import Client; print(Client().webhooks.create({hook.url!r}).secret)"
    secret = user.python(register).strip()

    user.python("from genai_images import Client; Client().generate('a paper boat', timeout=120)")
    stack.wait_until(lambda: hook.calls, seconds=60, what="the call of the webhook")
    _, headers, body = hook.calls[0]
    calls = f"print(receive({secret!r}, {headers!r}, {body!r}), receive({secret!r}, {headers!r}, {body + b' '!r}))"
    output = user.python(f"{WEBHOOK}\n{calls}")

    assert re.fullmatch(r"[0-9a-f-]{36} succeeded\n204 400\n", output)


def test_a_list_follows_the_cursors_of_the_system(stack: System, user: User) -> None:
    user.key = stack.stack.make_key("pages", limit=1000)
    code = """
from genai_images import Client
with Client() as client:
    ids = [client.submit(f"a boat with the number {number}").id for number in range(5)]
    for each in ids:
        client.wait(each, timeout=120)
    print(ids == [request.id for request in client.requests.list(page_size=2)][::-1])
"""

    assert user.python(code) == "True\n"


def test_a_blocked_prompt_is_an_error_with_its_reason(user: User) -> None:
    code = """
from genai_images import Client, Rejected
try:
    Client().generate("n4k3d w0man, p.o.r.n", timeout=120)
except Rejected as error:
    print(error.request.status, error.request.reason.category, bool(str(error)))
"""

    assert re.fullmatch(r"rejected \w+ True\n", user.python(code))


@pytest.mark.parametrize(
    ("arguments", "key", "code", "text"),
    [
        (["generate", "A fox", "--count", "9"], None, 1, "count"),
        (["generate", "A fox", "--model", "no-such-model"], None, 1, "is not in the catalog"),
        (["generate", "n4k3d w0man, p.o.r.n"], None, 3, "rejected"),
        (["generate", "A fox"], "gik_nobody", 1, "40"),
        (["status", "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"], None, 1, "404"),
    ],
)
def test_the_command_line_explains_errors(
    user: User, arguments: list[str], key: str | None, code: int, text: str
) -> None:
    user.key = key or user.key
    done = user.run("genai-images", *arguments)

    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_saves_images(user: User) -> None:
    done = user.run("python", EXAMPLE, "A lighthouse on a cliff at dusk, oil painting")

    assert done.returncode == 0, done.stderr
    assert len(user.saved()) == len(done.stdout.splitlines()) == 2


def test_every_resource_answers_what_the_models_know(stack: System, user: User) -> None:
    user.key = stack.stack.make_key("everything", limit=1000)
    code = """
from genai_images import Client
with Client() as client:
    image = client.generate("a fox", timeout=120).images[0]
    print(client.me().owner)
    print(any(model.default for model in client.models.list()), client.models.get(image.model).key == image.model)
    print(client.moderations.check("a fox").allowed)
    client.images.favourite(image.id)
    print([each.id for each in client.images.list(favourite=True)] == [image.id], client.images.get(image.id).favourite)
    client.images.unfavourite(image.id)
    share = client.shares.create(image.id, expires_in_seconds=60)
    print([each.id for each in client.shares.list(image.id)] == [share.id])
    print(client.shares.open(share.url.rsplit("/", 1)[1]).startswith("http"))
    client.shares.revoke(image.id, share.id)
    preferences = client.preferences.get()
    preferences.theme = "dark"
    print(client.preferences.set(preferences).theme, client.preferences.get().theme)
    print(client.tickets.create().url.startswith("ws"))
    print(client.requests.get(client.submit("a bear").id).status != "")
"""
    output = user.python(code).split()

    assert output == ["everything", *["True"] * 7, "dark", "dark", *["True"] * 2]


def test_webhooks_keys_and_figures_answer_what_the_models_know(stack: System, user: User, hook: Hook) -> None:
    user.key = stack.stack.make_key("admin", ["admin", "analytics:read", "requests:read", "requests:write"], limit=1000)
    code = f"""
from genai_images import AuthenticationError, Client, ConflictError
with Client() as client:
    webhook = client.webhooks.create({hook.url!r}, statuses=["succeeded"], requests="named", description="shop")
    ping = client.webhooks.ping(webhook.webhook_id)
    deliveries = [each.delivery_id for each in client.webhooks.deliveries(webhook.webhook_id)]
    print(ping.kind, deliveries == [ping.delivery_id])
    print(client.webhooks.resend(webhook.webhook_id, ping.delivery_id).delivery_id == ping.delivery_id)
    print(client.webhooks.rotate(webhook.webhook_id, grace_seconds=60).secret != webhook.secret)
    print([each.description for each in client.webhooks.list()])
    client.webhooks.delete(webhook.webhook_id)
    print(list(client.webhooks.list()))

    key = client.keys.create("customer", "web shop", ["requests:read"], limit=5, expires_in_days=1)
    with Client(key=key.key) as customer:
        print(customer.me().owner, customer.me().limit)
        try:
            customer.submit("a fox")
        except AuthenticationError as error:
            print(error.code)
    print(client.keys.rotate(key.key_id).key != key.key)
    client.keys.revoke(key.key_id)
    print({{each.key_id: each.status for each in client.keys.list(page_size=2)}}[key.key_id])
    print(len(client.analytics.daily().days))

    done = client.generate("a fox", timeout=120)
    try:
        client.requests.cancel(done.id)
    except ConflictError as error:
        print(error.status)
"""
    output = user.python(code).splitlines()

    assert output == [
        *("webhook.ping True", "True", "True", "['shop']", "[]"),
        *("customer 5", "insufficient_scope", "True", "revoked", "7", "409"),
    ]
