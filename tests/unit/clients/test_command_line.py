"""The command line of the Python client: output, exit codes and plain errors."""

from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from genai_images import cli
from tests.unit.clients.conftest import ID, FakeApi, FakeTime, accepted, view


@pytest.fixture(autouse=True)
def _the_api(monkeypatch: pytest.MonkeyPatch, api: FakeApi, clock: FakeTime) -> None:
    monkeypatch.setattr(cli, "Client", api.client)


def answer(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def test_generate_shows_progress_and_prints_the_files(
    api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = httpx.Response(200, content=b"PNG", headers={"content-type": "image/png"})
    removed = [{"index": 1, "reason": "filtered by the model"}]
    api.answers = [accepted(), answer(view("checking")), answer(view(removed=removed)), file]
    folder = tmp_path / "new" / "folder"

    code = cli.main(["generate", "a fox", "--count", "2", "--aspect-ratio", "16:9", "--folder", str(folder)])

    shown = capsys.readouterr()
    assert code == 0
    assert api.body() == {"prompt": "a fox", "count": 2, "aspect_ratio": "16:9"}
    assert shown.out == f"{folder / 'image-1.png'}\n"
    assert shown.err.splitlines() == [
        *(f"{ID} checking", f"{ID} succeeded"),
        "image 1 was removed: filtered by the model",
    ]


@pytest.mark.parametrize(
    ("last", "code", "text"),
    [
        (answer({"status": 422, "code": "x", "title": "Invalid."}, 422), 1, "422 Invalid."),
        (answer({"message": "Forbidden"}, 403), 1, "403 Forbidden"),
        (answer(view("rejected", reason={"code": "x", "detail": "The prompt was blocked."})), 3, "blocked."),
        (answer(view("failed")), 3, "The request is failed."),
        (answer(view("generating")), 4, "It goes on"),
    ],
)
def test_every_outcome_has_its_exit_code(
    api: FakeApi, capsys: pytest.CaptureFixture[str], last: httpx.Response, code: int, text: str
) -> None:
    api.answers = [accepted(), last]

    assert cli.main(["generate", "a fox", "--timeout", "0.5"]) == code
    shown = capsys.readouterr()
    assert text in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_a_folder_that_is_a_file_is_named(api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    assert cli.main(["generate", "a fox", "--folder", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'file'}: File exists\n"
    assert api.calls == []


def test_wrong_usage_has_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["generate"], ["list", "--limit", "0"], ["generate", "a fox", "--quality", "best"]):
        with pytest.raises(SystemExit) as raised:
            cli.main(arguments)
        assert raised.value.code == 2
    assert "premium" in capsys.readouterr().err


def test_status_shows_timeline_reason_and_images(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    timeline = [{"event": "ImageRequested", "event_id": "e", "at": "2026-11-22T09:30:00Z"}]
    api.answers = [answer(view(timeline=timeline)), answer(view("failed", reason={"code": "x", "detail": "Broken."}))]

    assert cli.main(["status", ID]) == cli.main(["status", ID]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["succeeded", "  2026-11-22 09:30:00 ImageRequested"]
    assert lines[2].startswith("  image image-1 1024x1024 https://")
    assert lines[3] == "failed: Broken."


def test_list_stops_at_its_limit(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    request = {key: view()[key] for key in ("id", "status", "created_at", "links")}
    api.answers = [answer({"requests": [request] * 2, "next_cursor": "more"}) for _ in range(3)]

    assert cli.main(["list", "--limit", "3"]) == 0

    assert capsys.readouterr().out.splitlines() == [f"{ID}  2026-11-22 09:30:00  succeeded"] * 3
    assert len(api.calls) == 2


def test_models_shows_prices_and_shapes(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    model = {
        "key": "core",
        "name": "Core",
        "default": True,
        "lifecycle": "active",
        "price_usd": {"standard": "0.04"},
        "sizes": [],
        "aspect_ratios": {"1:1": "1024x1024", "16:9": "1216x832"},
        "styles": [],
        "limits": {"prompt_max": 1, "negative_prompt_max": 1, "seed_max": 1},
    }
    api.answers = [answer({"models": [model], "object": "list", "data": []})]

    assert cli.main(["models"]) == 0
    assert capsys.readouterr().out == "core (default): standard $0.04; 1:1, 16:9\n"


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("API", raising=False)

    assert cli.main(["models"]) == 1
    assert "$API" in capsys.readouterr().err


def test_an_interrupt_has_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "status", interrupt)
    assert cli.main(["status", ID]) == 130
