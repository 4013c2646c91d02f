"""The workflows in GitHub and the roles with which they deploy."""

import re
import subprocess
from typing import Any, Final

import pytest
import yaml

from local.templates import parse_template
from tests.support import templates
from tests.support.commands import TARGETS, make_targets, operators_commands, unknown_word
from tests.support.templates import ROOT

FOLDER: Final = ROOT / ".github" / "workflows"
# YAML 1.1 reads the key `on` as true.
WORKFLOWS: Final = {path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}
JOBS: Final = {f"{name}:{job}": body for name, workflow in WORKFLOWS.items() for job, body in workflow["jobs"].items()}
STEPS: Final = [(name, step) for name, job in JOBS.items() for step in job.get("steps", [])]
SCRIPTS: Final = [(name, step["run"]) for name, step in STEPS if "run" in step]


def step_index(job: str, text: str) -> int:
    """Return the position of the step whose script or action contains ``text``."""
    (found,) = [
        index for index, step in enumerate(JOBS[job]["steps"]) if text in f"{step.get('uses')}{step.get('run')}"
    ]
    return found


@pytest.mark.parametrize(("job", "script"), SCRIPTS)
def test_a_workflow_runs_commands_that_exist(job: str, script: str) -> None:
    subprocess.run(["bash", "-n", "-c", script], check=True)

    assert make_targets(script) <= TARGETS
    assert [found for words in operators_commands(script) if (found := unknown_word(words))] == []


@pytest.mark.parametrize(("job", "script"), SCRIPTS)
def test_a_script_gets_values_from_its_environment(job: str, script: str) -> None:
    """An expression would be pasted into the script, where a tag's name could be code."""
    assert "${{" not in script


@pytest.mark.parametrize("job", JOBS)
def test_a_job_waits_for_jobs_that_exist(job: str) -> None:
    workflow = job.partition(":")[0]
    needs = JOBS[job].get("needs", [])

    assert set([needs] if isinstance(needs, str) else needs) <= WORKFLOWS[workflow]["jobs"].keys()


@pytest.mark.parametrize("job", [job for job, body in JOBS.items() if "uses" in body])
def test_a_called_workflow_exists_and_gets_its_inputs(job: str) -> None:
    name = JOBS[job]["uses"].removeprefix("./.github/workflows/")
    call = WORKFLOWS[name][True]["workflow_call"] or {}

    assert JOBS[job].get("with", {}).keys() == call.get("inputs", {}).keys()


def test_a_release_reaches_prod_after_checks_a_build_and_dev() -> None:
    jobs = WORKFLOWS["release.yml"]["jobs"]

    assert [jobs[name].get("needs") for name in ("check", "build", "dev", "prod")] == [None, "check", "build", "dev"]
    assert {name: jobs[name]["with"] for name in ("dev", "prod")} == {
        "dev": {"environment": "dev"},
        "prod": {"environment": "prod"},
    }
    assert WORKFLOWS["release.yml"][True] == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}
    assert WORKFLOWS["release.yml"]["concurrency"]["cancel-in-progress"] is False


def test_a_deployment_waits_for_the_approval_of_its_environment() -> None:
    assert JOBS["deploy.yml:deploy"]["environment"] == "${{ inputs.environment }}"


def test_a_deployment_is_tested_and_rolled_back_if_the_test_fails() -> None:
    job = "deploy.yml:deploy"
    in_order = [
        "describe-stacks",
        "make deploy",
        "make web",
        'ARGS="smoke --yes --expect-version $GITHUB_REF_NAME"',
        "make rollback",
    ]
    positions = [step_index(job, text) for text in in_order]
    roll_back = JOBS[job]["steps"][positions[-1]]

    assert positions == sorted(positions)
    assert "failure()" in roll_back["if"]
    assert "steps.deploy.outcome == 'success'" in roll_back["if"]
    assert 'TO="$VERSION"' in roll_back["run"]
    assert roll_back["env"]["VERSION"] == "${{ steps.before.outputs.version }}"
    assert "Version=" in JOBS[job]["env"]["PARAMETERS"]
    assert "Version=" not in roll_back["env"]["PARAMETERS"], "the roll back adds its own"
    assert JOBS[job]["steps"][positions[0]]["id"] == "before"
    assert JOBS[job]["steps"][positions[1]]["id"] == "deploy"


def test_only_deployments_can_assume_a_role() -> None:
    for name, workflow in WORKFLOWS.items():
        allowed = {"contents": "read"} | ({"id-token": "write"} if name == "deploy.yml" else {})
        assert workflow["permissions"] == allowed
    can = {job for job, body in JOBS.items() if body.get("permissions", {}).get("id-token") == "write"}

    assert can == {"release.yml:dev", "release.yml:prod"}
    assert all(body["uses"] == "./.github/workflows/deploy.yml" for job, body in JOBS.items() if job in can)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_workflow_has_long_lived_keys(name: str) -> None:
    text = (FOLDER / name).read_text().lower()

    assert "access-key" not in text
    assert "access_key" not in text
    assert "secrets." not in text


@pytest.mark.parametrize(("job", "step"), [(job, step) for job, step in STEPS if "uses" in step])
def test_an_action_is_pinned_and_from_github_or_aws(job: str, step: Any) -> None:
    assert re.fullmatch(r"(actions|aws-actions)/[a-z-]+@(v\d+|[0-9a-f]{40})", step["uses"])


def test_a_build_is_handed_on_as_it_is() -> None:
    build, deploy = JOBS["release.yml:build"]["steps"], JOBS["deploy.yml:deploy"]["steps"]
    (up,) = [step["with"] for step in build if "upload-artifact" in step.get("uses", "")]
    (down,) = [step["with"] for step in deploy if "download-artifact" in step.get("uses", "")]

    assert up["name"] == down["name"]
    assert step_index("release.yml:build", f"tar -cf {up['path']} .aws-sam") < step_index("release.yml:build", "upload")
    assert step_index("deploy.yml:deploy", f"tar -xf {up['path']}") < step_index("deploy.yml:deploy", "make deploy")


# The roles -----------------------------------------------------------------------------------------------------------


def role(name: str) -> Any:
    """Return the properties of a role."""
    return parse_template((ROOT / ".github" / "aws" / "deployer.yaml").read_text())["Resources"][name]["Properties"]


def test_only_jobs_of_one_environment_can_assume_the_role() -> None:
    (statement,) = role("Deployer")["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:environment:${Environment}"},
        }
    }


def test_the_session_lasts_as_long_as_the_workflow_asks_for() -> None:
    (wanted,) = [step["with"]["role-duration-seconds"] for _, step in STEPS if "configure-aws" in step.get("uses", "")]

    assert wanted <= role("Deployer")["MaxSessionDuration"]
    assert JOBS["deploy.yml:deploy"]["timeout-minutes"] * 60 <= wanted


def test_the_deployer_names_actions_and_may_pass_one_role() -> None:
    statements = role("Deployer")["Policies"][0]["PolicyDocument"]["Statement"]
    actions = [action for statement in statements for action in templates.flat(statement["Action"])]
    (passing,) = [statement for statement in statements if statement["Action"] == "iam:PassRole"]

    assert not [action for action in actions if "*" in action]
    assert [action for action in actions if action.startswith("iam:")] == ["iam:PassRole"]
    assert passing["Resource"] == {"Fn::GetAtt": ["Execution", "Arn"]}
