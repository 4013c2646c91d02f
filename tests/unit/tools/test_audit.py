"""The audit tells a vulnerability, no vulnerability, and no answer apart."""

import json

from tools.audit import read_npm_audit, read_pip_audit

CLEAN = {"name": "pydantic", "version": "2.14.4", "vulns": []}
SKIPPED = {"name": "pillow", "skip_reason": "Dependency not found"}
VULNERABLE = {
    "name": "urllib3",
    "version": "2.0.0",
    "vulns": [{"id": "CVE-2026-1", "fix_versions": ["2.0.7"]}, {"id": "CVE-2026-2", "fix_versions": []}],
}


def pip(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_packages_without_a_vulnerability_are_counted() -> None:
    result = read_pip_audit(pip(CLEAN))

    assert list(result.lines()) == ["no known vulnerability in 1 packages"]
    assert result.can_tell


def test_a_vulnerability_is_shown_with_the_version_that_fixes_it() -> None:
    result = read_pip_audit(pip(CLEAN, VULNERABLE))

    assert result.vulnerabilities == [
        "urllib3 2.0.0: CVE-2026-1, fixed in 2.0.7",
        "urllib3 2.0.0: CVE-2026-2, not fixed yet",
    ]
    assert list(result.lines()) == result.vulnerabilities


def test_a_skipped_package_is_not_reported_as_safe() -> None:
    result = read_pip_audit(pip(SKIPPED))

    assert list(result.lines()) == ["cannot tell: the registry has no audit of pillow"]
    assert not result.can_tell
    assert not result.vulnerabilities


def test_a_vulnerability_beside_a_skipped_package_counts() -> None:
    assert len(read_pip_audit(pip(SKIPPED, VULNERABLE)).vulnerabilities) == 2


def test_an_error_of_pip_audit_is_no_result() -> None:
    result = read_pip_audit("Traceback\nConnectionError: no route\n")

    assert list(result.lines()) == ["cannot tell: pip-audit failed: ConnectionError: no route"]


def test_npm_reports_direct_and_indirect_vulnerabilities() -> None:
    vulnerabilities = {
        "vite": {"range": "<8.1", "severity": "high", "via": [{"title": "Path traversal"}]},
        "vitest": {"range": "*", "severity": "high", "via": ["vite"]},
    }
    found = {"vulnerabilities": vulnerabilities, "metadata": {"dependencies": {"total": 606}}}
    result = read_npm_audit(json.dumps(found))

    assert result.vulnerabilities == ["vite <8.1: high, Path traversal", "vitest *: high, through vite"]


def test_a_registry_without_npm_audit_is_no_result() -> None:
    for output in ('{"statusCode": 405, "message": "Method Not Allowed"}', "", "not JSON"):
        result = read_npm_audit(output)
        assert not result.vulnerabilities
        assert next(result.lines()).startswith("cannot tell: the registry answers")


def test_npm_without_vulnerabilities_says_so() -> None:
    found = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 606}}}

    assert list(read_npm_audit(json.dumps(found)).lines()) == ["no known vulnerability in 606 packages"]
