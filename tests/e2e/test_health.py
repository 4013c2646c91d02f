"""Health and the smaller routes on the deployed template, with the gateway, its authorizer and IAM in force."""

from kit.http_api import SECURITY_HEADERS
from tests.support.system import System


def test_anybody_may_ask_for_health(stack: System) -> None:
    answer = stack.call("GET", "/health", key="")

    assert (answer.status, answer.json) == (200, {"status": "ok", "version": "dev"})
    assert {name.lower(): value for name, value in SECURITY_HEADERS.items()}.items() <= answer.headers.items()


def test_readiness_reaches_everything_with_the_functions_own_permissions(stack: System) -> None:
    assert stack.call("GET", "/health/ready", key="").status in {401, 403}
    answer = stack.call("GET", "/health/ready", key=stack.stack.admin_key)

    assert answer.status == 200, answer.content
    assert [each for each in answer.json["dependencies"] if not each["reachable"]] == []
    assert len(answer.json["steps"]) >= 8
    for step in answer.json["steps"]:
        assert {"waiting", "in_flight", "dead"} <= step.keys()
    assert (answer.json["status"] == "ok") == (answer.json["attention"] == [])


def test_a_web_page_of_any_origin_may_call_and_read_the_limits(stack: System) -> None:
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    answer = stack.call("OPTIONS", "/v1/moderations", headers=asked, key="")

    assert answer.status in {200, 204}
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-api-key" in answer.headers["access-control-allow-headers"]


def test_a_prompt_is_checked_by_both_layers_and_counted(stack: System) -> None:
    key = stack.stack.make_key("checker", limit=3)
    allowed = stack.call("POST", "/v1/moderations", {"prompt": "A lighthouse at dusk"}, key=key)
    blocked = stack.call("POST", "/v1/moderations", {"prompt": "a beheading"}, key=key)
    old = stack.call("POST", "/api/moderation/check", {"prompt": "A lighthouse at dusk"}, key=key)
    spent = stack.call("POST", "/api/moderation/check", {"prompt": "A lighthouse at dusk"}, key=key)

    assert (allowed.status, allowed.json["allowed"], allowed.json["layer"]) == (200, True, "claude")
    assert (blocked.status, blocked.json["allowed"], blocked.json["layer"]) == (200, False, "keywords")
    assert blocked.headers["ratelimit"].startswith('"moderations";r=1;')
    assert (old.status, old.json["success"], old.json["data"]["allowed"]) == (200, True, True)
    assert (spent.status, spent.json["success"]) == (429, False)
    assert int(spent.headers["retry-after"]) > 0


def test_what_was_counted_is_shown_day_by_day(stack: System) -> None:
    stack.generate("A lighthouse at dusk")

    def counted() -> bool:
        answer = stack.call("GET", "/v1/analytics/daily")
        assert answer.status == 200, answer.content
        return bool(answer.json["total"]["requests"]["succeeded"])

    stack.wait_until(counted, what="analytics to have counted a image")
