"""Generating images with the Python client: waiting, polling, outcomes and files."""

import asyncio
import math
from pathlib import Path

import httpx2 as httpx
import pytest

from genai_images import (
    Cancelled,
    Client,
    Expired,
    Failed,
    NotFoundError,
    NotGeneratedError,
    Rejected,
    TimedOut,
    UnknownAnswerError,
)
from tests.unit.clients.conftest import ID, KEY, FakeApi, FakeTime, accepted, image, view

POLL = f"GET /v1/requests/{ID}"


def polled(status: str, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=view(status), headers={"retry-after": "1", **headers})


def test_generate_waits_in_the_first_call(api: FakeApi, client: Client, clock: FakeTime) -> None:
    api.answers = [httpx.Response(200, json=view())]

    generation = client.generate("a fox", model="stable-image-core", aspect_ratio="16:9", count=2)

    assert api.paths() == ["POST /v1/requests"]
    assert api.body() == {"prompt": "a fox", "model": "stable-image-core", "aspect_ratio": "16:9", "count": 2}
    assert api.calls[0].headers["prefer"] == "wait=25"
    assert (generation.id, [each.id for each in generation.images]) == (ID, ["image-1"])
    assert generation.images[0].width == 1024
    assert clock.pauses == []


def test_generate_polls_as_often_as_the_api_says(api: FakeApi, client: Client, clock: FakeTime) -> None:
    slow = httpx.Response(200, json=view("checking"), headers={"retry-after": "7"})
    unsaid = httpx.Response(200, json=view("storing"))
    api.answers = [accepted(), polled("generating"), slow, unsaid, polled("succeeded")]

    assert client.generate("a fox").images

    assert api.paths() == ["POST /v1/requests", *[POLL] * 4]
    assert clock.pauses == [1, 7, 1]


def test_a_short_timeout_shortens_the_wait_of_the_first_call(api: FakeApi, client: Client) -> None:
    api.answers = [httpx.Response(200, json=view())] * 2

    client.generate("a fox", timeout=3.9)
    client.generate("a fox", timeout=0.5)

    assert [call.headers.get("prefer") for call in api.calls] == ["wait=3", None]


def test_every_call_has_an_idempotency_key_of_its_own(api: FakeApi, client: Client) -> None:
    api.answers = [accepted(), accepted(), accepted()]

    client.submit("a fox")
    client.submit("a fox")
    client.submit("a fox", idempotency_key="order-17")

    one, other, given = [call.headers["idempotency-key"] for call in api.calls]
    assert len({one, other}) == 2
    assert len(one) == 36
    assert given == "order-17"


def test_an_unchanged_request_is_not_read_again(api: FakeApi, client: Client, clock: FakeTime) -> None:
    unchanged = httpx.Response(304, headers={"etag": '"2"', "retry-after": "3"})
    api.answers = [polled("generating", etag='"2"'), unchanged, unchanged, polled("succeeded", etag='"5"')]
    statuses: list[str] = []

    client.wait(ID, on_status=statuses.append)

    assert [call.headers.get("if-none-match") for call in api.calls] == [None, '"2"', '"2"', '"2"']
    assert statuses == ["generating", "succeeded"]
    assert clock.pauses == [1, 3, 3]


@pytest.mark.parametrize(
    ("status", "kind"), [("rejected", Rejected), ("failed", Failed), ("cancelled", Cancelled), ("expired", Expired)]
)
def test_a_request_without_images_is_an_error(
    api: FakeApi, client: Client, status: str, kind: type[NotGeneratedError]
) -> None:
    reason = {"code": "prompt_blocked", "category": "violence", "detail": "The prompt was blocked."}
    api.answers = [httpx.Response(200, json=view(status, reason=reason))]

    with pytest.raises(kind, match=r"The prompt was blocked\.") as raised:
        client.generate("a fight")

    assert raised.value.request.id == ID
    assert raised.value.request.reason
    assert raised.value.request.reason.category == "violence"


def test_a_request_that_is_not_finished_in_time_goes_on(api: FakeApi, client: Client, clock: FakeTime) -> None:
    api.answers = [accepted(), *(polled("stalled") for _ in range(5))]

    with pytest.raises(TimedOut, match="still stalled") as raised:
        client.generate("a fox", timeout=4)

    assert raised.value.request_id == ID
    assert clock.now <= 4


def test_an_image_is_saved_under_its_id_or_a_given_name(api: FakeApi, client: Client, tmp_path: Path) -> None:
    file = httpx.Response(200, content=b"PNG", headers={"content-type": "image/png"})
    api.answers = [httpx.Response(200, json=view()), file, file, file]

    (only,) = client.generate("a fox").images

    assert only.save(tmp_path) == tmp_path / "image-1.png"
    assert only.save(tmp_path / "fox") == tmp_path / "fox"
    assert (tmp_path / "image-1.png").read_bytes() == (tmp_path / "fox").read_bytes() == only.download() == b"PNG"


def test_the_key_is_not_sent_to_the_address_of_a_file(api: FakeApi, client: Client) -> None:
    api.answers = [httpx.Response(200, json=view()), httpx.Response(200, content=b"PNG")]

    client.generate("a fox").images[0].download()

    assert api.calls[1].url.host == "cdn.example.com"
    assert KEY not in str(api.calls[1].headers.raw)


def test_a_file_may_be_redirected_but_an_answer_may_not(api: FakeApi, client: Client) -> None:
    moved = httpx.Response(307, headers={"location": "https://other.example.com/a.png"})
    api.answers = [httpx.Response(200, json=view()), moved, httpx.Response(200, content=b"PNG"), moved]

    assert client.generate("a fox").images[0].download() == b"PNG"
    with pytest.raises(UnknownAnswerError):
        client.requests.get(ID)


def test_there_may_be_no_limit_to_the_wait(api: FakeApi, client: Client, clock: FakeTime) -> None:
    api.answers = [accepted(), polled("stalled"), polled("succeeded")]

    assert client.generate("a fox", timeout=math.inf).images


def test_an_expired_address_is_replaced(api: FakeApi, client: Client) -> None:
    details = {
        **image(request_id=ID, created_at="2026-11-22T09:30:00Z", prompt="a fox", quality="standard", favourite=False),
        **dict.fromkeys(("original", "display", "thumbnail"), file_view("https://cdn.example.com/b.png")),
        "links": {"self": "", "request": "", "favourite": "", "shares": ""},
    }
    api.answers = [
        *(httpx.Response(200, json=view()), httpx.Response(403, text="<Error>AccessDenied</Error>")),
        *(httpx.Response(200, json=details), httpx.Response(200, content=b"PNG")),
    ]

    assert client.generate("a fox").images[0].download() == b"PNG"

    assert api.paths()[2:] == ["GET /v1/images/image-1", "GET /b.png"]


def file_view(url: str) -> dict[str, object]:
    return {"url": url, "media_type": "image/png", "width": 1, "height": 1, "bytes": 3, "sha256": "0"}


def test_a_deleted_image_is_not_found(api: FakeApi, client: Client) -> None:
    deleted = image()
    for name in ("url", "display_url", "thumbnail_url", "placeholder"):
        del deleted[name]
    api.answers = [httpx.Response(200, json=view(images=[deleted])), httpx.Response(404, json={"title": "Not found."})]

    with pytest.raises(NotFoundError):
        client.generate("a fox").images[0].download()


def test_the_async_client_does_the_same(api: FakeApi, tmp_path: Path) -> None:
    file = httpx.Response(200, content=b"PNG", headers={"content-type": "image/png"})
    page = {"requests": [], "next_cursor": "2"}
    summary = {key: view()[key] for key in ("id", "status", "created_at", "links")}
    api.answers = [
        *(accepted(), polled("succeeded"), file),
        *(httpx.Response(200, json=page), httpx.Response(200, json={"requests": [summary]})),
    ]

    async def use() -> tuple[Path, list[str]]:
        async with api.async_client() as client:
            generation = await client.generate("a fox")
            saved = await generation.images[0].save(tmp_path)
            return saved, [request.id async for request in client.requests.list(status="succeeded")]

    saved, listed = asyncio.run(use())

    assert saved.read_bytes() == b"PNG"
    assert listed == [ID]
    assert [call.url.query.decode() for call in api.calls[3:]] == ["status=succeeded", "status=succeeded&cursor=2"]
