"""A finding of checkov without a reason fails, and so does a reason without a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks import module_security
from tests.checks.module_security import EXCEPTIONS, compare, main, read_findings
from tests.checks.tree import ROOT


def report(*failed: tuple[str, str, str], passed: int = 1) -> dict[str, Any]:
    checks = [
        {"check_id": check, "check_name": "It is open", "file_path": file, "resource": resource}
        for check, file, resource in failed
    ]
    return {"results": {"failed_checks": checks}, "summary": {"passed": passed}}


def test_findings_are_named_by_kind_cloud_and_address() -> None:
    found = read_findings(report(("CKV_1", "/bucket/aws/main.tf", "aws_s3_bucket.this")))
    assert found == {("CKV_1", "bucket/aws/aws_s3_bucket.this"): "It is open"}


@pytest.mark.parametrize(
    ("exceptions", "said"),
    [
        ({}, "mend it, or write down why it stays"),
        ({"CKV_1": {"reason": " ", "resources": ["a/aws/x.y"]}}, "mend it"),
        ({"CKV_2": {"reason": "So.", "resources": ["a/aws/x.y"]}}, "remove its exception"),
        ({"CKV_1": {"reason": "So.", "resources": ["b/aws/x.y"]}}, "remove its exception"),
    ],
)
def test_what_has_no_reason_or_needs_none_is_said(exceptions: dict[str, Any], said: str) -> None:
    faults = [*compare({("CKV_1", "a/aws/x.y"): "It is open"}, exceptions)]
    assert any(said in fault for fault in faults)


def test_what_has_a_reason_is_fine() -> None:
    exceptions = {"CKV_1": {"reason": "So.", "resources": ["a/aws/x.y"]}}
    assert [*compare({("CKV_1", "a/aws/x.y"): "It is open"}, exceptions)] == []


@pytest.mark.parametrize(
    "broken",
    [
        {},
        [],
        report(passed=0),
        {"results": {"parsing_errors": ["a.tf"], "failed_checks": []}, "summary": {"passed": 1}},
    ],
)
def test_a_report_that_says_nothing_is_no_proof(broken: Any) -> None:
    with pytest.raises(ValueError, match="checkov"):
        read_findings(broken)


def test_the_command_fails_where_something_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "exceptions.yaml"
    listed.write_text("{}", encoding="utf-8")
    monkeypatch.setattr(module_security, "EXCEPTIONS", listed)
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report(("CKV_1", "/bucket/aws/main.tf", "x.y"))), encoding="utf-8")
    assert main(file) == 1
    assert "1 mistakes" in capsys.readouterr().out
    file.write_text(json.dumps(report()), encoding="utf-8")
    assert main(file) == 0


def test_every_exception_is_about_a_resource_that_is_there() -> None:
    exceptions = yaml.safe_load(EXCEPTIONS.read_text(encoding="utf-8"))
    for item in exceptions.values():
        assert item["reason"].strip().endswith(".")
        for place in item["resources"]:
            kind, cloud, address = place.split("/", 2)
            type_, name = address.partition("[")[0].split(".")
            folder = ROOT / "terraform" / "blueprints" / kind / cloud
            texts = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.tf"))
            assert f'resource "{type_}" "{name}"' in texts, place
