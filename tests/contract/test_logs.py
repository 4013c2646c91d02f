"""Access logs name the call and never its path; saved queries use log groups and fields that exist."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from kit import startup
from kit.consumer.decode import Message
from kit.consumer.telemetry import message_fields
from services.operations.audit.records import Finding
from tests.support import templates
from tests.support.templates import ROOT
from tools.dashboards.queries import ACCESS_LOG, Query, queries
from tools.dashboards.resources import DeployedResources

QUERIES = queries(DeployedResources(ROOT))
EVERY_QUERY = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
TEMPLATES = [ROOT / "template.yaml", *ROOT.glob("services/*/*.yaml")]
LOG_GROUPS_MAX: Final = 50
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html"""

HTTP_VARIABLES: Final = {
    *("requestId", "routeKey", "httpMethod", "status", "responseLatency", "integrationLatency"),
    *("integrationErrorMessage", "error.responseType", "authorizer.error", "identity.sourceIp", "identity.userAgent"),
}
"""Of https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html, those we use.
``authorizer.<name>`` is any value of the authorizer's context."""
SOCKET_VARIABLES: Final = {
    *("requestId", "routeKey", "eventType", "connectionId", "status", "integrationLatency", "error.message"),
    *("identity.sourceIp", "identity.userAgent"),
}
"""Of https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html, those we use."""
EXAMPLE: Final = {"status": "200", "responseLatency": "12"}
"""Values without quotes. API Gateway always has them."""

DISCOVERED: Final = {"@timestamp", "@log", "@message"}
PLATFORM: Final = {"type", "record.status"}
"""Of https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html, those we use."""
ALWAYS: Final = {"level", "message", "service", "timestamp", "call_id"}
WORDS: Final = {
    *("fields", "filter", "stats", "sort", "by", "as", "asc", "desc", "and", "or", "not", "like", "in", "limit"),
    *("count", "count_distinct", "pct", "max", "latest", "ispresent"),
}
UNPACKED: Final = {
    "message_fields": {
        *message_fields("step", Message({"messageId": "m", "attributes": {"ApproximateReceiveCount": "1"}})),
        *("error", "reason"),
    },
    "to_dict": set(Finding.__dataclass_fields__),
}
"""Fields that a call such as ``**message_fields(…)`` adds to a line."""


def log_groups() -> dict[str, dict[str, Any]]:
    """Return the log groups of all templates by name, with the prefix as in a service's template."""
    found = {}
    for path in TEMPLATES:
        for body in templates.load(path)["Resources"].values():
            if body["Type"] == "AWS::Logs::LogGroup":
                name = body["Properties"]["LogGroupName"]["Fn::Sub"]
                found[name.replace("genai-images-${Environment}", "${Prefix}")] = body
    return found


def access_log_format(api: str) -> str:
    """Return the format of the access log of the ``http`` or the ``socket`` API."""
    if api == "http":
        settings = templates.root_template()["Resources"]["HttpApiStage"]["Properties"]["AccessLogSettings"]
    else:
        stage = templates.service_template("notifications")["Resources"]["SocketStage"]
        settings = stage["Properties"]["AccessLogSettings"]["Fn::If"][1]
    found = settings["Format"]
    if isinstance(found, str):
        return found
    text, values = found["Fn::Sub"]  # behind the edge, the authorizer knows the address of the caller
    assert values["Address"]["Fn::If"] == ["BehindEdge", "$context.authorizer.address", "$context.identity.sourceIp"]
    return str(text).replace("${Address}", values["Address"]["Fn::If"][2])


def logged_fields() -> dict[str, set[str]]:
    """Return the fields of each message that a call of the logger or of ``measure`` writes."""
    found: dict[str, set[str]] = {}
    for path in [*ROOT.glob("services/**/*.py"), *ROOT.glob("kit/**/*.py")]:
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and _logs(call) and isinstance(call.args[0], ast.Constant):
                found.setdefault(str(call.args[0].value), set()).update(_fields(call))
    return found


def _logs(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute):
        return isinstance(call.func.value, ast.Name) and call.func.value.id == "logger" and bool(call.args)
    return isinstance(call.func, ast.Name) and call.func.id == "measure"


def _fields(call: ast.Call) -> Iterator[str]:
    for mapping in call.args[1:]:
        if isinstance(mapping, ast.Dict):
            yield from (str(key.value) for key in mapping.keys if isinstance(key, ast.Constant))
    for keyword in call.keywords:
        if keyword.arg:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Call):
            function = keyword.value.func
            yield from UNPACKED.get(
                function.id if isinstance(function, ast.Name) else getattr(function, "attr", ""), ()
            )


LOGGED = logged_fields() | {"function started": {"init_seconds"}}


def used_fields(text: str) -> set[str]:
    """Return the fields that a query reads, without the names that it introduces."""
    bare = re.sub(r'"[^"]*"', "", text)
    introduced = set(re.findall(r"\bas (\w+)", bare))
    words = set(re.findall(r"@?[a-zA-Z_][\w.]*", bare))
    return words - WORDS - introduced


# Access logs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("api", "documented"), [("http", HTTP_VARIABLES), ("socket", SOCKET_VARIABLES)])
def test_an_access_log_is_json_with_documented_variables(api: str, documented: set[str]) -> None:
    text = access_log_format(api)
    variables = re.findall(r"\$context\.([\w.]+)", text)
    line = json.loads(re.sub(r"\$context\.([\w.]+)", lambda found: EXAMPLE.get(found[1], "-"), text))

    assert "\n" not in text, "API Gateway writes one line per call"
    assert set(variables) - {"authorizer.key_id", "authorizer.owner"} <= documented
    assert {"call_id", "route", "status", "address", "user_agent"} <= line.keys()


@pytest.mark.parametrize("api", ["http", "socket"])
def test_an_access_log_has_neither_path_nor_query(api: str) -> None:
    variables = set(re.findall(r"\$context\.([\w.]+)", access_log_format(api)))

    assert not variables & {"path", "resourcePath", "customDomain.basePathMatched"}, (
        "paths contain tokens of share links"
    )


def test_the_text_of_the_caller_is_last_in_an_access_log() -> None:
    """If it contained a quotation mark that API Gateway does not escape, everything before it would still be true."""
    for api in ("http", "socket"):
        assert access_log_format(api).endswith('"user_agent":"$context.identity.userAgent"}')


def test_the_access_log_has_values_that_the_authorizer_returns() -> None:
    wanted = set(re.findall(r"\$context\.authorizer\.(\w+)", access_log_format("http"))) - {"error"}
    handler = ast.parse((ROOT / "services/accounts/handlers/authorizer.py").read_text())
    returned = {
        key.value
        for node in ast.walk(handler)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }

    assert wanted == {"key_id", "owner"} <= returned


@pytest.mark.parametrize("name", [ACCESS_LOG, "/aws/vendedlogs/${Prefix}-socket-access"])
def test_an_access_log_expires(name: str) -> None:
    assert log_groups()[name]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_the_access_log_of_the_socket_api_is_off_by_default() -> None:
    parameter = templates.root_template()["Parameters"]["SocketAccessLogs"]
    stage = templates.service_template("notifications")["Resources"]["SocketStage"]

    assert parameter["Default"] == "off"
    assert stage["Properties"]["AccessLogSettings"]["Fn::If"][2] == {"Ref": "AWS::NoValue"}
    assert log_groups()["/aws/vendedlogs/${Prefix}-socket-access"]["Condition"] == "LogSocketCalls"


def test_a_function_logs_its_start(capsys: pytest.CaptureFixture[str]) -> None:
    startup.finished()

    assert json.loads(capsys.readouterr().out).keys() == {"level", "message", *LOGGED["function started"]}


# Saved queries -------------------------------------------------------------------------------------------------------


@EVERY_QUERY
def test_the_log_groups_of_a_query_exist(query: Query) -> None:
    assert 1 <= len(query.log_groups) <= LOG_GROUPS_MAX
    assert set(query.log_groups) <= log_groups().keys()


@EVERY_QUERY
def test_a_query_asks_for_messages_that_its_functions_log(query: Query) -> None:
    services = {group.removeprefix("/aws/lambda/${Prefix}-").partition("-")[0] for group in query.log_groups}
    sources = "".join(path.read_text() for name in [*services, "*"] for path in _sources(name))
    messages = re.findall(r'message = "([^"]+)"', query.text)

    for message in messages:
        assert message in LOGGED
        assert f'"{message}"' in sources


def _sources(service: str) -> list[Any]:
    return list(ROOT.glob("kit/**/*.py" if service == "*" else f"services/{service}/**/*.py"))


@EVERY_QUERY
def test_the_fields_of_a_query_are_logged(query: Query) -> None:
    messages = re.findall(r'message = "([^"]+)"', query.text) or list(LOGGED)
    known = DISCOVERED | ALWAYS | set().union(*(LOGGED[message] for message in messages))
    if "platform.report" in query.text:
        known |= PLATFORM
    if ACCESS_LOG in query.log_groups:
        access = set(re.findall(r'"(\w+)":', access_log_format("http")))
        known = access | (known if len(query.log_groups) > 1 else DISCOVERED)

    assert used_fields(query.text) <= known


def test_the_template_has_every_query_once_and_only_on_aws() -> None:
    resources = templates.load(ROOT / "services/operations/queries.yaml")["Resources"]
    names = [body["Properties"]["Name"]["Fn::Sub"] for body in resources.values()]
    texts = [body["Properties"]["QueryString"] for body in resources.values()]

    assert names == [f"${{Prefix}}/{query.name}" for query in QUERIES]
    assert len(set(names)) == len(names)
    assert texts == [query.text for query in QUERIES]
    assert all(body["Type"] == "AWS::Logs::QueryDefinition" for body in resources.values())
    assert templates.root_template()["Resources"]["Queries"]["Condition"] == "OnAws"


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: page.name)
def test_documents_name_queries_that_exist(page: Any) -> None:
    named = set(re.findall(r"quer(?:y|ies) `([a-z]+/[a-z-]+)`", page.read_text()))

    assert named <= {query.name for query in QUERIES}
