"""Health, moderation and analytics routes of the deployed system, behind the gateway and its authorizer."""

from kit.http_api import SECURITY_HEADERS
from local.build import version
from tests.support.system import System


def test_health_needs_no_key(stack: System) -> None:
    response = stack.call("GET", "/health", key="")

    assert (response.status, response.json) == (200, {"status": "ok", "version": version()})
    assert {name.lower(): value for name, value in SECURITY_HEADERS.items()}.items() <= response.headers.items()


def test_readiness_reaches_every_dependency_with_the_functions_own_role(stack: System) -> None:
    assert stack.call("GET", "/health/ready", key="").status in {401, 403}
    response = stack.call("GET", "/health/ready", key=stack.stack.admin_key)

    assert response.status == 200, response.content
    assert [each for each in response.json["dependencies"] if not each["reachable"]] == []
    assert len(response.json["steps"]) >= 8
    for step in response.json["steps"]:
        assert {"waiting", "in_flight", "dead"} <= step.keys()
    assert (response.json["status"] == "ok") == (response.json["attention"] == [])


def test_a_web_page_of_any_origin_may_call_the_api(stack: System) -> None:
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    response = stack.call("OPTIONS", "/v1/moderations", headers=asked, key="")

    assert response.status in {200, 204}
    assert response.headers["access-control-allow-origin"] == "*"
    assert "x-api-key" in response.headers["access-control-allow-headers"]


def test_the_id_of_a_call_is_in_its_answer_and_in_the_log(stack: System) -> None:
    answers = [
        stack.call("GET", "/health", key=""),
        stack.call("GET", "/v1/requests"),
        stack.call("GET", "/v1/images/unknown"),
        stack.call("POST", "/v1/images/generations", {"prompt": ""}),
        stack.call("POST", "/api/moderation/check", {}),
    ]
    ids = [answer.headers["x-call-id"] for answer in answers]

    assert len(set(ids)) == len(ids)
    assert [answer.status for answer in answers] == [200, 200, 404, 400, 422]
    assert [answers[2].json["call_id"], answers[3].json["error"]["call_id"], answers[4].json["call_id"]] == ids[2:]

    logs, group = stack.client("logs"), f"/aws/lambda/{stack.prefix}-storage-api"
    logged = stack.wait_until(
        lambda: logs.filter_log_events(logGroupName=group, filterPattern=f'"{ids[2]}"')["events"], what="the log line"
    )
    assert '"message":"api call"' in logged[0]["message"].replace(": ", ":")


def test_a_web_page_may_read_the_id_of_a_call(stack: System) -> None:
    response = stack.call("GET", "/health", headers={"origin": "https://app.example"}, key="")

    exposed = response.headers["access-control-expose-headers"].split(",")
    assert {"x-call-id", "apigw-requestid"} <= {name.strip() for name in exposed}


def test_a_moderation_call_asks_both_layers_and_is_counted(stack: System) -> None:
    key = stack.stack.make_key("checker", limit=3)
    allowed = stack.call("POST", "/v1/moderations", {"prompt": "A lighthouse at dusk"}, key=key)
    blocked = stack.call("POST", "/v1/moderations", {"prompt": "a g-a-n-g-b-a-n-g"}, key=key)
    old = stack.call("POST", "/api/moderation/check", {"prompt": "A lighthouse at dusk"}, key=key)
    spent = stack.call("POST", "/api/moderation/check", {"prompt": "A lighthouse at dusk"}, key=key)

    assert (allowed.status, allowed.json["allowed"], allowed.json["layer"]) == (200, True, "claude")
    assert (blocked.status, blocked.json["allowed"], blocked.json["layer"]) == (200, False, "keywords")
    assert blocked.headers["ratelimit"].startswith('"moderations";r=1;')
    assert (old.status, old.json["success"], old.json["data"]["allowed"]) == (200, True, True)
    assert (spent.status, spent.json["success"]) == (429, False)
    assert int(spent.headers["retry-after"]) > 0


def test_the_daily_counters_include_a_new_image(stack: System) -> None:
    stack.generate("A lighthouse at dusk")

    def counted() -> bool:
        response = stack.call("GET", "/v1/analytics/daily")
        assert response.status == 200, response.content
        return bool(response.json["total"]["requests"]["succeeded"])

    stack.wait_until(counted, what="analytics to count the image")
