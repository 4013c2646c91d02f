"""Rolling back deploys an earlier commit from its own checkout."""

import os
import subprocess
from pathlib import Path

import pytest

from local.rollback import RollbackError, roll_back

MAKEFILE = """\
.PHONY: deploy web
deploy web:
	@echo "$@ $(VERSION) AWS=$(AWS) ENV=$(ENV) ARGS=$(ARGS) PARAMETERS=$$PARAMETERS" >> $(RECORD)
	@test "$@" != "$(BROKEN)"
"""


def git(root: Path, *arguments: str) -> str:
    """Run git with an author."""
    author = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *author, *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with the tags v1 and v2, whose `make deploy` and `make web` write to a file."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    for version in ("v1", "v2"):
        (root / "Makefile").write_text(f"VERSION := {version}\nRECORD := {tmp_path / 'record'}\n{MAKEFILE}")
        git(root, "add", "Makefile")
        git(root, "commit", "--quiet", "--message", version)
        git(root, "tag", version)
    return root


def record(repository: Path) -> list[str]:
    """Return what was made."""
    file = repository.parent / "record"
    return file.read_text().splitlines() if file.exists() else []


def worktrees(repository: Path) -> int:
    """Return the number of checkouts."""
    return len(git(repository, "worktree", "list").splitlines())


def test_the_earlier_version_is_deployed_all_at_once(repository: Path) -> None:
    roll_back(repository, "prod", "v1", arguments="--no-confirm-changeset", parameters='AlarmEmail="on@call"')

    parameters = 'PARAMETERS=AlarmEmail="on@call" Version=v1 GradualDeployment=false'
    assert record(repository) == [
        f"deploy v1 AWS=1 ENV=prod ARGS=--no-confirm-changeset {parameters}",
        f"web v1 AWS=1 ENV=prod ARGS= {parameters}",
    ]


def test_a_description_of_a_commit_is_a_version(repository: Path) -> None:
    (repository / "Makefile").write_text((repository / "Makefile").read_text().replace("v2", "v3"))
    git(repository, "commit", "--all", "--quiet", "--message", "untagged")
    description = git(repository, "describe", "--tags")
    roll_back(repository, "dev", description, arguments="", parameters="Version=v2")

    assert record(repository)[0].startswith("deploy v3 ")
    assert record(repository)[0].endswith(f"Version=v2 Version={description} GradualDeployment=false"), (
        "the last one counts"
    )


def test_the_checkout_is_left_alone_and_the_other_one_removed(repository: Path) -> None:
    (repository / "Makefile").write_text("work in progress")
    roll_back(repository, "prod", "v1", arguments="", parameters="")

    assert (repository / "Makefile").read_text() == "work in progress"
    assert worktrees(repository) == 1


def test_a_roll_back_follows_one_that_was_cut_off(repository: Path) -> None:
    git(repository, "worktree", "add", "--detach", str(repository / ".local" / "rollback"), "v2")
    roll_back(repository, "prod", "v1", arguments="", parameters="")

    assert record(repository)[0].startswith("deploy v1 ")
    assert worktrees(repository) == 1


def test_variables_of_this_make_do_not_reach_the_other_one(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -- ENV=dev TO=v1")
    monkeypatch.setenv("ARGS", "--for-deploy")
    roll_back(repository, "prod", "v1", arguments="--for-deploy", parameters="")

    assert [line.partition(" PARAMETERS")[0] for line in record(repository)] == [
        "deploy v1 AWS=1 ENV=prod ARGS=--for-deploy",
        "web v1 AWS=1 ENV=prod ARGS=",
    ]


@pytest.mark.parametrize("broken", ["deploy", "web"])
def test_a_failed_deployment_is_reported(repository: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setenv("BROKEN", broken)
    with pytest.raises(RollbackError, match=f"prod: `make {broken}` of v1 failed"):
        roll_back(repository, "prod", "v1", arguments="", parameters="")

    assert [line.split()[0] for line in record(repository)][-1] == broken
    assert worktrees(repository) == 1


@pytest.mark.parametrize(
    ("environment", "version", "message"),
    [
        ("", "v1", "ENV is missing. Name the environment, such as ENV=prod."),
        ("prod", "", "TO is missing. Name a version, such as TO=v1.2.0; `git tag` lists them."),
        ("prod", "v9", "TO=v9: git knows no such version."),
        ("prod", "--help", "TO=--help: git knows no such version."),
        ("prod", "v2-dirty", "TO=v2-dirty: git knows no such version."),
    ],
)
def test_a_roll_back_to_nowhere_is_refused(repository: Path, environment: str, version: str, message: str) -> None:
    with pytest.raises(RollbackError, match=message.replace(".", r"\.")):
        roll_back(repository, environment, version, arguments="", parameters="")

    assert record(repository) == []
