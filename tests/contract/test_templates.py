"""Rules for all templates: queues, dead-letter queues, alarms, permissions, and event patterns.

The tests read the templates, so they also apply to new services.
"""

import json
import re
import tomllib

import pytest

from events.catalog import CATALOG, event_type
from events.pipeline import STEPS_BY_NAME
from kit.consumer import Consumer
from tests.support import templates
from tests.support.events import SAMPLES, eventbridge_body, sample
from tests.support.functions import imported
from tests.support.templates import ROOT, Resource
from tools.docs.event_rules import consumers
from tools.docs.event_rules import rules as event_rules

QUEUES = templates.source_queues()
RULES = templates.rules()
FUNCTIONS = templates.resources("AWS::Serverless::Function")
EVERY_QUEUE = pytest.mark.parametrize("queue", QUEUES, ids=str)
EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=str)
EVERY_FUNCTION = pytest.mark.parametrize("function", FUNCTIONS, ids=str)
ALARMS = templates.resources("AWS::CloudWatch::Alarm")
COMPOSITES = templates.resources("AWS::CloudWatch::CompositeAlarm")
EVERY_SERVICE = pytest.mark.parametrize("service", templates.services())

DEAD_LETTER_RETENTION = 14 * 24 * 3600
SQS_BATCH = 10
MARGIN = 30
"""Seconds between a function's timeout and the next delivery of its messages."""
THREE_TRIES = 3
"""Seconds after which a call fails with AWS_RETRY_MODE=standard: two pauses of at most 1 s and 2 s."""
REPLACEABLE = {"accounts-EdgeKey"}
"""Stateful resources of an option, from which nothing is lost with them."""
STATEFUL = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::KMS::Key")
WITHOUT_RESOURCES = {
    "cloudwatch:GetMetricData",
    *(f"cloudfront:{verb}{kind}" for verb in ("Create", "Get", "Delete") for kind in ("KeyGroup", "PublicKey")),
    *("cloudfront:ListKeyGroups", "cloudfront:ListPublicKeys"),
    "rekognition:DetectModerationLabels",  # the action has no resource
    "rekognition:DetectFaces",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "logs:DescribeLogGroups",  # AWS grants it for all log groups or none
}
"""Actions that AWS allows on ``*`` only."""
WATCHING = {"sqs:GetQueueAttributes", "sqs:GetQueueUrl"}
"""Actions that read attributes of a queue, not its messages. Operations has them for all queues of the installation."""
OPERATING = {
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:ChangeMessageVisibilityBatch",  # an action of the emulator only
    "logs:FilterLogEvents",
}
"""Actions that read dead letters and logs."""
READING_STREAMS = {f"dynamodb:{name}" for name in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")}
WORKER_IF_ANY = {"Fn::If": ["HasWorker", {"Ref": "workerRole"}, {"Ref": "AWS::NoValue"}]}
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
LOG_GROUPS = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/"


# Rules and events ----------------------------------------------------------------------------------------------------


@EVERY_RULE
def test_a_rule_matches_only_published_events(rule: Resource) -> None:
    pattern = rule.properties["EventPattern"]
    published = [json.loads(eventbridge_body(sample(*key))) for key in CATALOG]
    matched = [event for event in published if templates.admits(pattern, event)]

    assert matched
    assert set(templates.literals(pattern, "detail-type")) <= {event["detail-type"] for event in matched}
    assert set(templates.literals(pattern, "source")) <= {event["source"] for event in matched}
    assert "source" in pattern, "somebody else's events on the bus may have the same names"


@pytest.mark.parametrize(("name", "version"), CATALOG)
def test_every_event_has_a_publisher(name: str, version: int) -> None:
    kind = event_type(name, version)
    assert kind is not None
    service = kind.source.removeprefix("genai-images.")
    folders = {
        "delivery": ["kit"],
        "privacy": ["services/privacy", "kit"],
        "operations": ["services/operations", "cli"],
    }.get(service, [f"services/{service}"])
    creates = re.compile(rf"\b{name}\.(first|follow)\(")

    assert any(creates.search(path.read_text()) for folder in folders for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(("name", "version"), CATALOG, ids=str)
def test_the_page_of_events_names_all_consumers(name: str, version: int) -> None:
    kind = event_type(name, version)
    assert kind is not None
    event = json.loads(eventbridge_body(sample(name, version)))
    consuming = {rule.service for rule in RULES if templates.admits(rule.properties["EventPattern"], event)}

    assert set(consumers(kind, event_rules(ROOT))) == consuming


@pytest.mark.parametrize("queue", [queue for queue in QUEUES if templates.rule_of(queue)], ids=str)
def test_a_consumer_accepts_exactly_what_its_rule_matches(queue: Resource, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = templates.rule_of(queue)
    assert rule is not None
    let_in = {
        key
        for key in CATALOG
        if templates.admits(rule.properties["EventPattern"], json.loads(eventbridge_body(sample(*key))))
    }
    with imported(templates.consumer_of(queue), monkeypatch) as handler:
        assert isinstance(handler, Consumer)
        accepts = handler.accepts
        kinds = {key: event_type(*key) for key in CATALOG} if accepts is None else accepts

    assert kinds.keys() == let_in
    for (name, version), kind in kinds.items():
        assert kind is not None
        kind.model_validate_json((SAMPLES / f"{name}.v{version}.json").read_text())


@EVERY_QUEUE
def test_a_step_has_one_name_in_code_queue_and_service(queue: Resource, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = templates.dead_letter_queue(queue)
    with imported(templates.consumer_of(queue), monkeypatch) as handler:
        assert isinstance(handler, Consumer)
        assert handler.step == templates.step_of(queue)

    assert templates.step_of(queue).split(".")[0] == queue.service
    assert dead is not None
    assert dead.properties["QueueName"] == {"Fn::Sub": f"{queue.properties['QueueName']['Fn::Sub']}-dlq"}


def test_every_step_of_the_pipeline_has_a_queue() -> None:
    assert STEPS_BY_NAME.keys() <= {templates.step_of(queue) for queue in QUEUES}


# Queues --------------------------------------------------------------------------------------------------------------


@EVERY_QUEUE
def test_a_queue_has_a_dead_letter_queue_that_keeps_messages_for_two_weeks(queue: Resource) -> None:
    dead = templates.dead_letter_queue(queue)

    assert dead is not None
    assert dead.properties["MessageRetentionPeriod"] == DEAD_LETTER_RETENTION


@EVERY_QUEUE
def test_a_message_stays_hidden_longer_than_its_function_runs(queue: Resource) -> None:
    function, mapping = templates.consumer_of(queue), templates.mapping_of(queue)
    assert mapping is not None
    window = templates.largest(queue.service, mapping.properties.get("MaximumBatchingWindowInSeconds", 0))

    assert queue.properties["VisibilityTimeout"] >= function.properties["Timeout"] + window + MARGIN


@EVERY_QUEUE
def test_lambda_receives_no_message_it_cannot_process(queue: Resource) -> None:
    mapping = templates.mapping_of(queue)

    assert mapping is not None
    assert mapping.properties["ScalingConfig"]["MaximumConcurrency"] >= 2


@EVERY_QUEUE
def test_a_function_has_time_for_a_batch_whose_calls_are_all_throttled(queue: Resource) -> None:
    function, mapping = templates.consumer_of(queue), templates.mapping_of(queue)
    assert mapping is not None
    one_by_one = min(mapping.properties["BatchSize"], SQS_BATCH)  # larger batches are handled at once

    assert function.properties.get("Timeout", 3) >= THREE_TRIES * one_by_one


@EVERY_QUEUE
def test_sqs_dead_letters_later_than_the_consumer(queue: Resource, monkeypatch: pytest.MonkeyPatch) -> None:
    with imported(templates.consumer_of(queue), monkeypatch) as handler:
        assert isinstance(handler, Consumer)
        allowed = max(handler.policy.worst_deliveries(), handler.policy.attempts)

    assert queue.properties["RedrivePolicy"]["maxReceiveCount"] > allowed


def alarms_on(metric: str, service: str, name: str) -> list[Resource]:
    """Return the service's alarms on ``metric`` of the queue or function called ``name``, as in the template."""
    return [
        alarm
        for alarm in ALARMS
        if alarm.service == service
        and alarm.properties.get("MetricName") == metric
        and any(templates.flat(dimension["Value"]) == [name] for dimension in alarm.properties["Dimensions"])
    ]


@EVERY_QUEUE
def test_a_queue_has_alarms_for_age_stalls_and_dead_letters(queue: Resource) -> None:
    name = queue.properties["QueueName"]["Fn::Sub"]
    (died,) = alarms_on("ApproximateNumberOfMessagesVisible", queue.service, f"{name}-dlq")
    (dying,) = alarms_on("messages_dead_lettered", queue.service, templates.step_of(queue))

    assert alarms_on("ApproximateAgeOfOldestMessage", queue.service, name)
    assert {"Name": "service", "Value": queue.service} in dying.properties["Dimensions"]
    rings_at = died.properties["Threshold"] + (died.properties["ComparisonOperator"] == "GreaterThanThreshold")
    assert rings_at == 1, "one dead letter is enough"


@EVERY_FUNCTION
def test_a_function_has_alarms_for_errors_and_throttles(function: Resource) -> None:
    name = function.properties["FunctionName"]["Fn::Sub"]
    queues = [queue for queue in QUEUES if templates.consumer_of(queue) == function]

    assert alarms_on("Errors", function.service, name)
    # The messages of a throttled consumer wait, and their age has an alarm: ADR 9.
    assert alarms_on("Throttles", function.service, name) or queues
    for queue in queues:
        assert alarms_on("ApproximateAgeOfOldestMessage", queue.service, queue.properties["QueueName"]["Fn::Sub"])


@pytest.mark.parametrize(
    "mapping",
    [
        mapping
        for mapping in templates.resources("AWS::Lambda::EventSourceMapping")
        if "StartingPosition" in mapping.properties
    ],
    ids=str,
)
def test_a_lagging_stream_has_an_alarm(mapping: Resource) -> None:
    function = templates.named(mapping.service, mapping.properties["FunctionName"])

    assert [
        alarm
        for alarm in ALARMS
        if alarm.service == mapping.service
        and alarm.properties.get("MetricName") == "IteratorAge"
        and function.is_meant_by(alarm.properties["Dimensions"][0]["Value"])
    ]


@pytest.mark.parametrize(
    "schedule",
    [rule for rule in templates.resources("AWS::Events::Rule") if "ScheduleExpression" in rule.properties],
    ids=str,
)
def test_a_missed_schedule_has_an_alarm(schedule: Resource) -> None:
    for target in schedule.properties["Targets"]:
        function = templates.named(schedule.service, target["Arn"])
        (missed,) = [
            alarm.properties
            for alarm in ALARMS
            if alarm.service == schedule.service
            and alarm.properties.get("MetricName") == "Invocations"
            and function.is_meant_by(alarm.properties["Dimensions"][0]["Value"])
        ]

        assert missed["InsufficientDataActions"] == [{"Ref": "AlarmTopicArn"}], "no runs are no data"
        assert missed["TreatMissingData"] == "missing", "breaching would notify before the first run"


@pytest.mark.parametrize("alarm", ALARMS, ids=str)
def test_an_alarm_notifies_by_itself_or_by_its_service(alarm: Resource) -> None:
    topic = {"Ref": "AlarmTopicArn"}
    actions = alarm.properties.get("AlarmActions")
    if actions == [topic]:
        return
    (unwell,) = [each for each in COMPOSITES if each.service == alarm.service]
    is_there_as_well = alarm.body.get("Condition") == "UseCompositeAlarms"

    assert actions == (
        None if is_there_as_well else [{"Fn::If": ["UseCompositeAlarms", {"Ref": "AWS::NoValue"}, topic]}]
    )
    assert unwell.body["Condition"] == "UseCompositeAlarms"
    assert unwell.properties["AlarmActions"] == [topic]
    assert f'ALARM("${{{alarm.name}}}")' in unwell.properties["AlarmRule"]["Fn::Sub"].split(" OR ")


@pytest.mark.parametrize("alarm", COMPOSITES, ids=str)
def test_lasting_alarms_are_not_part_of_the_service_health_alarm(alarm: Resource) -> None:
    children = re.findall(r"\$\{(\w+)\}", alarm.properties["AlarmRule"]["Fn::Sub"])
    metrics = {templates.named(alarm.service, {"Ref": child}).properties.get("MetricName") for child in children}

    assert len(set(children)) == len(children) <= 100, "CloudWatch takes a hundred"
    assert "ApproximateNumberOfMessagesVisible" not in metrics


@pytest.mark.parametrize("alarm", [*ALARMS, *COMPOSITES], ids=str)
def test_an_alarm_links_to_its_section_of_the_runbook(alarm: Resource) -> None:
    text, _, anchor = templates.flat(alarm.properties["AlarmDescription"])[0].rpartition(" ${RunbookUrl}#")

    assert len(text) > 20
    assert anchor in runbook_anchors()


@pytest.mark.parametrize(
    "name", [n for n, b in templates.root_template()["Resources"].items() if b["Type"] == "AWS::CloudWatch::Alarm"]
)
def test_platform_alarms_notify_and_link_to_the_runbook(name: str) -> None:
    properties = templates.root_template()["Resources"][name]["Properties"]
    text, _, anchor = properties["AlarmDescription"]["Fn::Sub"].rpartition(" ${RunbookUrl}#")

    assert properties["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert len(text) > 20
    assert anchor in runbook_anchors()


def test_the_runbook_says_what_users_notice_when_a_function_fails() -> None:
    section = (ROOT / "docs/runbook.md").read_text().partition("## A function fails\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)

    assert sorted(explained) == sorted(
        function.properties["FunctionName"]["Fn::Sub"].removeprefix("${Prefix}-") for function in FUNCTIONS
    )


def test_the_runbook_says_when_messages_of_a_crashed_worker_return() -> None:
    words = " ".join((ROOT / "docs/runbook.md").read_text().split())
    stated = re.search(
        r"its messages return after (\d+) or (\d+) seconds; on other steps, within two minutes, or (\d+) if", words
    )
    hidden = {templates.step_of(queue): queue.properties["VisibilityTimeout"] for queue in QUEUES}

    assert stated
    generated, stored, built = (int(number) for number in stated.groups())
    assert [generated, stored, 60 * built] == [
        hidden.pop(step) for step in ("generation.generate", "storage.store", "privacy.build")
    ]
    assert max(hidden.values()) <= 120


def runbook_anchors() -> set[str]:
    """Return the anchors of the runbook."""
    headings = re.findall(r"^## (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Rules to queues, queues to functions --------------------------------------------------------------------------------


@EVERY_RULE
def test_a_rule_has_a_dead_letter_queue_for_failed_deliveries(rule: Resource) -> None:
    for target in rule.properties["Targets"]:
        queue = templates.named(rule.service, target["Arn"])
        dead = templates.dead_letter_queue(queue)

        assert dead is not None
        assert dead.is_meant_by(target["DeadLetterConfig"]["Arn"])
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


@EVERY_RULE
def test_only_its_own_rule_may_send_to_a_queue(rule: Resource) -> None:
    for target in rule.properties["Targets"]:
        queue = templates.named(rule.service, target["Arn"])
        dead = templates.dead_letter_queue(queue)
        allowed = [
            statement
            for policy in templates.resources("AWS::SQS::QueuePolicy")
            if policy.service == rule.service and any(queue.is_meant_by(item) for item in policy.properties["Queues"])
            for statement in policy.properties["PolicyDocument"]["Statement"]
        ]

        (statement,) = allowed
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        assert rule.is_meant_by(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        assert {templates.referenced(item) for item in statement["Resource"]} == {queue.name, dead and dead.name}


@EVERY_QUEUE
def test_a_queue_is_read_in_batches_whose_messages_fail_one_by_one(queue: Resource) -> None:
    mapping = templates.mapping_of(queue)

    assert mapping is not None
    assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.properties["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert mapping.properties["BatchSize"] <= 10 or "MaximumBatchingWindowInSeconds" in mapping.properties


# Functions -----------------------------------------------------------------------------------------------------------


@EVERY_FUNCTION
def test_a_function_has_a_log_group_with_a_retention(function: Resource) -> None:
    config = function.properties["LoggingConfig"]
    group = templates.named(function.service, config["LogGroup"])

    assert config["LogFormat"] == "JSON"
    assert config["SystemLogLevel"] == "WARN", "INFO adds two lines to every invocation"
    assert group.type == "AWS::Logs::LogGroup"
    assert group.properties["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@EVERY_FUNCTION
def test_a_function_contains_its_service_and_sets_its_name(function: Resource) -> None:
    assert function.body["Metadata"]["BuildProperties"] == {
        "ParentPackageMode": "explicit",
        "ParentPackages": f"services.{function.service}",
    }
    assert templates.environment(function)["POWERTOOLS_SERVICE_NAME"] == function.service


@EVERY_FUNCTION
def test_a_call_fails_before_its_function_times_out(function: Resource) -> None:
    """boto3's legacy mode retries DynamoDB ten times for up to half a minute, longer than most timeouts."""
    assert templates.environment(function)["AWS_RETRY_MODE"] == "standard"


@EVERY_FUNCTION
def test_no_concurrency_is_reserved_by_default(function: Resource) -> None:
    """A new account has a limit of 10, of which Lambda lets nobody reserve any: 100 must stay unreserved."""
    reserved = function.properties.get("ReservedConcurrentExecutions")
    if reserved is None:
        return
    condition, value, otherwise = reserved["Fn::If"]
    template = templates.service_template(function.service)
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert template["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [value, 0]}]}
    for declared in (template, templates.root_template()):
        assert declared["Parameters"][value["Ref"]]["Default"] == 0


@EVERY_FUNCTION
def test_permissions_name_actions_and_resources(function: Resource) -> None:
    for statement in templates.statements(function):
        actions, allowed = templates.flat(statement["Action"]), templates.flat(statement["Resource"])

        assert statement["Effect"] == "Allow"
        assert not [action for action in actions if "*" in action]
        if set(actions) <= WITHOUT_RESOURCES:
            continue
        if (
            set(actions) <= OPERATING
        ):  # an operator's privilege (ADR 5): all resources of the installation, and no others
            assert function.service == "operations"
            suffixes = ("${Prefix}-*-dlq", "/${Prefix}-*")
            assert all("*" not in resource or resource.endswith(suffixes) for resource in allowed)
            continue
        if set(actions) <= WATCHING:
            assert all("*" not in resource.removesuffix(":${Prefix}-*") for resource in allowed)
            continue
        if set(actions) <= READING_STREAMS:  # the streams of one table: a restored table has another (ADR 36)
            allowed = [resource.removesuffix("/stream/*") for resource in allowed]
        if actions == ["execute-api:ManageConnections"]:  # a connection has no name before it is opened
            allowed = [re.sub(r"/live/(POST|DELETE)/@connections/\*$", "", resource) for resource in allowed]
        if set(actions) == LOGGING:
            assert allowed == [f"{LOG_GROUPS}{function.properties['FunctionName']['Fn::Sub']}:*"]
            continue
        for resource in allowed:
            is_objects = bool(re.fullmatch(r"arn:\$\{AWS::Partition\}:s3:::[^*]+/\*|\$\{\w+\.Arn\}/[^*]*\*", resource))
            assert "*" not in resource or (is_objects and all(action.startswith("s3:") for action in actions)), resource


@EVERY_SERVICE
def test_a_role_belongs_to_one_function_and_a_policy_to_one_role(service: str) -> None:
    functions = [function for function in FUNCTIONS if function.service == service]
    roles = [
        role
        for role in templates.resources("AWS::IAM::Role")
        if role.service == service and "lambda.amazonaws.com" in json.dumps(role.properties["AssumeRolePolicyDocument"])
    ]
    kinds = {body["Type"] for body in templates.service_template(service)["Resources"].values()}

    assert sorted(templates.named(service, function.properties["Role"]).name for function in functions) == sorted(
        role.name for role in roles
    )
    for policy in templates.resources("AWS::IAM::Policy"):
        _, *others = policy.properties["Roles"]
        assert others in ([], [WORKER_IF_ANY]), "a worker is another process with the code of the function"
    assert "AWS::IAM::ManagedPolicy" not in kinds


@EVERY_FUNCTION
def test_a_function_has_its_permissions_before_it_runs(function: Resource) -> None:
    role = templates.named(function.service, function.properties["Role"])
    waits_for = function.body.get("DependsOn", [])

    assert "Policies" not in function.properties
    assert {policy.name for policy in templates.policies(role)} == set(
        [waits_for] if isinstance(waits_for, str) else waits_for
    )
    assert any(set(templates.flat(statement["Action"])) == LOGGING for statement in templates.statements(function))


TRACING = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


@EVERY_FUNCTION
def test_a_function_is_traced_and_may_send_segments_only_if_tracing_is_on(function: Resource) -> None:
    role = templates.named(function.service, function.properties["Role"])
    (inline,) = role.properties["Policies"]
    granted = [
        statement["Fn::If"]
        for statement in inline["PolicyDocument"]["Statement"]
        if "Fn::If" in statement and set(statement["Fn::If"][1]["Action"]) == TRACING
    ]

    assert function.properties["Tracing"] == {"Fn::If": ["UseTracing", "Active", "PassThrough"]}
    assert [(condition, other) for condition, _, other in granted] == [("UseTracing", {"Ref": "AWS::NoValue"})]
    assert templates.environment(function)["TRACING"] == "off"


def test_tracing_is_off_by_default_and_reaches_every_function() -> None:
    root = templates.root_template()
    given = {name: body.get("Properties", {}).get("Parameters", {}) for name, body in root["Resources"].items()}
    passed = {name for name, parameters in given.items() if "Tracing" in parameters}

    assert root["Parameters"]["Tracing"]["Default"] == "off"
    without_functions = {"worker", "network"}
    assert {name.lower() for name in passed} - without_functions == {function.service for function in FUNCTIONS}


def test_no_code_imports_the_sdk_of_xray_or_opentelemetry() -> None:
    """They cost a cold start more than the rest of a small function."""
    sources = [path for folder in ("kit", "services", "events", "cli") for path in (ROOT / folder).rglob("*.py")]

    assert not [path for path in sources if re.search(r"(import|from) (aws_xray_sdk|opentelemetry)", path.read_text())]


# The whole -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", templates.resources(*STATEFUL), ids=str)
def test_stateful_resources_are_retained_by_default(resource: Resource) -> None:
    if str(resource) in REPLACEABLE:
        assert resource.body["DeletionPolicy"] == resource.body["UpdateReplacePolicy"] == "Delete"
        return
    assert resource.body["DeletionPolicy"] == {"Fn::If": ["KeepsData", "RetainExceptOnCreate", "Delete"]}
    assert resource.body["UpdateReplacePolicy"] == {"Ref": "DataRetention"}
    condition = templates.service_template(resource.service)["Conditions"]["KeepsData"]
    assert condition == {"Fn::Equals": [{"Ref": "DataRetention"}, "Retain"]}


@pytest.mark.parametrize("secret", templates.resources("AWS::SecretsManager::Secret"), ids=str)
def test_an_update_of_the_stack_does_not_replace_a_secret(secret: Resource) -> None:
    # CloudFormation generates a new value if this property changes, and every version in use is lost.
    assert secret.properties["GenerateSecretString"] == {"PasswordLength": 64, "ExcludePunctuation": True}


@pytest.mark.parametrize("table", templates.resources("AWS::DynamoDB::Table"), ids=str)
def test_tables_have_point_in_time_recovery(table: Resource) -> None:
    assert table.properties["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": {"Ref": "BackupRetentionDays"},
    }
    assert table.properties["BillingMode"] == "PAY_PER_REQUEST"


def test_a_destroyed_key_of_an_owner_cannot_be_restored() -> None:
    table = templates.root_template()["Resources"]["OwnerKeysTable"]

    assert "PointInTimeRecoverySpecification" not in table["Properties"], "a backup would hold destroyed keys"
    assert "TimeToLiveSpecification" not in table["Properties"], "an item that expired could be made again"
    assert table["Properties"]["DeletionProtectionEnabled"] == {"Fn::If": ["KeepsData", True, False]}
    assert table["DeletionPolicy"] == {"Fn::If": ["KeepsData", "RetainExceptOnCreate", "Delete"]}
    assert table["UpdateReplacePolicy"] == {"Ref": "DataRetention"}


@EVERY_SERVICE
def test_the_root_passes_exactly_the_parameters_of_a_service(service: str) -> None:
    (application,) = [
        body
        for body in templates.root_template()["Resources"].values()
        if body["Type"] == "AWS::Serverless::Application"
        and body["Properties"]["Location"] == f"services/{service}/template.yaml"
    ]
    declared = templates.service_template(service)["Parameters"]
    passed = application["Properties"]["Parameters"].keys()

    assert {name for name, parameter in declared.items() if "Default" not in parameter} <= passed
    assert passed <= declared.keys()
    if "DataRetention" in declared:
        assert "DataRetention" in passed


@pytest.mark.parametrize(
    "name",
    [n for n, b in templates.root_template()["Resources"].items() if b["Type"] == "AWS::Serverless::Application"],
)
def test_resources_are_tagged_with_project_environment_and_service(name: str) -> None:
    properties = templates.root_template()["Resources"][name]["Properties"]
    service = properties["Location"].split("/")[1]

    assert properties["Tags"] == {"project": "genai-images", "environment": {"Ref": "Environment"}, "service": service}


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_shared_resources_are_tagged_as_the_platform(environment: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    parameters = config["global"]["parameters"]["parameter_overrides"]
    (named,) = [value for name, _, value in (pair.partition("=") for pair in parameters) if name == "Environment"]

    assert set(config["deploy"]["parameters"]["tags"]) == {
        "project=genai-images",
        f"environment={named}",
        "service=platform",
    }


@EVERY_SERVICE
def test_the_root_passes_every_parameter(service: str) -> None:
    declared = templates.service_template(service)["Parameters"].keys()
    (passed,) = [
        body["Properties"]["Parameters"].keys()
        for body in templates.root_template()["Resources"].values()
        if body["Type"] == "AWS::Serverless::Application"
        and body["Properties"]["Location"] == f"services/{service}/template.yaml"
    ]

    assert passed == declared


def test_the_stage_waits_for_every_service_that_has_routes() -> None:
    root = templates.root_template()["Resources"]
    with_routes = {
        f"services/{route.service}/template.yaml" for route in templates.resources("AWS::ApiGatewayV2::Route")
    }
    applications = {
        name
        for name, body in root.items()
        if body["Type"] == "AWS::Serverless::Application" and body["Properties"]["Location"] in with_routes
    }

    assert applications <= set(root["HttpApiStage"]["DependsOn"])


def test_routes_with_their_own_throttle_exist() -> None:
    routes = {route.properties["RouteKey"] for route in templates.http_routes()}

    assert templates.root_template()["Resources"]["HttpApiStage"]["Properties"]["RouteSettings"].keys() <= routes


@pytest.mark.parametrize(
    "function",
    [found for found in FUNCTIONS if "QUEUES" in found.properties.get("Environment", {}).get("Variables", {})],
    ids=str,
)
def test_operations_knows_every_queue_with_a_dead_letter_queue(function: Resource) -> None:
    watched = templates.environment(function)["QUEUES"].split(",")

    assert sorted(watched) == sorted(templates.step_of(queue).replace(".", "-", 1) for queue in QUEUES)


def test_operations_may_consume_dead_letters_and_send_to_sources() -> None:
    (function,) = [
        function for function in FUNCTIONS if (function.service, function.name) == ("operations", "apiFunction")
    ]
    allowed: dict[str, list[str]] = {}
    for statement in templates.statements(function):
        for action in templates.flat(statement["Action"]):
            allowed[action] = sorted(resource.rsplit(":", 1)[-1] for resource in templates.flat(statement["Resource"]))
    sources = sorted(f"${{Prefix}}-{templates.step_of(queue).replace('.', '-', 1)}" for queue in QUEUES)

    assert allowed["sqs:SendMessage"] == sources
    for action in ("sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"):
        assert sorted(allowed[action]) == sorted(f"{name}-dlq" for name in sources)


@pytest.mark.parametrize(
    "name", [n for n, b in templates.root_template()["Resources"].items() if b["Type"] in STATEFUL and n != "AlarmKey"]
)
def test_stateful_shared_resources_are_retained_by_default(name: str) -> None:
    body = templates.root_template()["Resources"][name]

    assert body["DeletionPolicy"] == {"Fn::If": ["KeepsData", "RetainExceptOnCreate", "Delete"]}
    assert body["UpdateReplacePolicy"] == {"Ref": "DataRetention"}


def test_an_aws_budget_exists_only_if_it_is_configured() -> None:
    template = templates.root_template()
    body, policy = template["Resources"]["MonthlyBudget"], template["Resources"]["AlarmTopicPolicy"]
    budget, notifications = body["Properties"]["Budget"], body["Properties"]["NotificationsWithSubscribers"]

    assert template["Parameters"]["MonthlyBudgetUsd"]["Default"] == 0
    assert body["Condition"] == "HasMonthlyBudget"
    assert budget["CostFilters"] == {"TagKeyValue": ["user:project$genai-images"]}
    kinds = [(each["Notification"]["NotificationType"], each["Notification"]["Threshold"]) for each in notifications]
    assert kinds == [("ACTUAL", 80), ("FORECASTED", 100)]
    subscribers = [subscriber for each in notifications for subscriber in each["Subscribers"]]
    assert subscribers == [{"SubscriptionType": "SNS", "Address": {"Ref": "AlarmTopic"}}] * 2
    allowed, _ = policy["Properties"]["PolicyDocument"]["Statement"]
    assert set(allowed["Principal"]["Service"]) == {"budgets.amazonaws.com", "cloudwatch.amazonaws.com"}


def test_alarms_and_budgets_may_publish_to_the_encrypted_topic() -> None:
    resources = templates.root_template()["Resources"]
    topic, key = resources["AlarmTopic"]["Properties"], resources["AlarmKey"]["Properties"]
    _, publishers = key["KeyPolicy"]["Statement"]
    allowed, tls = resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]

    own = {"Fn::GetAtt": ["EncryptionKey", "Outputs.Arn"]}
    alarms = {"Fn::GetAtt": ["AlarmKey", "Arn"]}
    assert topic["KmsMasterKeyId"] == {"Fn::If": ["HasCustomerKey", own, alarms]}, "aws/sns excludes alarms"
    assert set(publishers["Principal"]["Service"]) == set(allowed["Principal"]["Service"])
    assert set(publishers["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert tls["Fn::If"][1]["Effect"] == "Deny"
    assert tls["Fn::If"][1]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_physical_name_starts_with_the_prefix() -> None:
    fields = ("QueueName", "TableName", "FunctionName", "Name", "AlarmName", "BucketName", "LayerName")
    kinds = (
        "AWS::SQS::Queue",
        "AWS::DynamoDB::Table",
        "AWS::Serverless::Function",
        "AWS::Events::Rule",
        "AWS::CloudWatch::Alarm",
        "AWS::S3::Bucket",
        "AWS::Serverless::LayerVersion",
    )
    for resource in templates.resources(*kinds):
        names = [resource.properties[field] for field in fields if field in resource.properties]
        assert names, f"{resource} has no name of its own"
        assert all(templates.flat(name)[0].startswith("${Prefix}-") for name in names), str(resource)
