"""The tools around the local stack: build targets, ports, state and child processes."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import state
from local.build import Target, find_interpreter
from local.emulator import HOST, ROOT, Child, NotReadyError, free_port
from local.package import zipped


def a_state(pid: int) -> str:
    urls = dict.fromkeys(("endpoint_url", "models_url", "api_url"), "http://127.0.0.1:1")
    keys = dict.fromkeys(("api_key", "admin_key"), "gik_")
    return json.dumps({"pid": pid, **urls, **keys, "prefix": "genai-images-local", "outputs": {}})


def test_a_zip_file_depends_on_content_only(tmp_path: Path) -> None:
    for name, age in (("one", 0), ("other", 1_000_000_000)):
        file = tmp_path / name / "services" / "handler.py"
        file.parent.mkdir(parents=True)
        file.write_text("handler = print")
        os.utime(file, (age, age))

    one = zipped(tmp_path / "one")

    assert one == zipped(tmp_path / "other")
    (tmp_path / "other" / "services" / "handler.py").write_text("handler = repr")
    assert one != zipped(tmp_path / "other")


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_build_for_aws_uses_the_defaults_of_the_templates(environment: str) -> None:
    assert Target.of(environment) == Target("python3.13", "arm64", "aarch64-manylinux_2_28")


def test_the_local_build_uses_this_interpreter() -> None:
    target = Target.host()

    assert target.version == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert find_interpreter(target.version) == sys.executable


def test_without_an_interpreter_there_is_no_bytecode() -> None:
    assert find_interpreter("3.99") is None


def test_a_stack_without_its_runner_is_not_running(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    file = tmp_path / "state.json"

    file.write_text(a_state(ended.pid))
    assert state.load(file) is None
    file.write_text(a_state(os.getpid()))
    assert state.load(file) is not None
    file.write_text("{")
    assert state.load(file) is None
    assert state.load(tmp_path / "missing.json") is None


def test_a_taken_port_is_not_offered() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        taken = listener.getsockname()[1]

        assert free_port(preferred=taken) != taken


def test_a_server_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    child = Child("no_such_module", [], port=free_port(), ready="/", log=log, environment={}).start()

    with pytest.raises(NotReadyError, match=str(log)):
        child.wait_until_ready()

    child.stop()
    assert "no_such_module" in log.read_text()


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    port = free_port()
    parent = (
        "import os, pathlib; from local.emulator import model_stand_in;"
        f"child = model_stand_in(pathlib.Path({str(tmp_path)!r}), port={port}, s3_url='http://127.0.0.1:1').start();"
        "child.wait_until_ready(); os._exit(7)"
    )

    ended = subprocess.run([sys.executable, "-c", parent], cwd=ROOT, check=False, timeout=60)

    assert ended.returncode == 7, "the parent saw its child serve"
    deadline = time.monotonic() + 10
    while _serves(port):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.05)


def _serves(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
