"""Holds what checkov finds in the modules against the exceptions that have a reason.

``python -m tests.checks.module_security REPORT.json`` reads checkov's report of
``terraform/blueprints`` and ``terraform/security-exceptions.yaml``. A finding without an exception
fails, and so does an exception that nothing needs any more.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from tests.checks.tree import ROOT

EXCEPTIONS = ROOT / "terraform" / "security-exceptions.yaml"


def read_findings(report: Any) -> dict[tuple[str, str], str]:
    """Return what checkov says, by check and resource (``bucket/aws/aws_s3_bucket.this``).

    Raises:
        ValueError: the report is none, or a module could not be read.
    """
    if not isinstance(report, dict) or "results" not in report:
        raise ValueError("This is no report of checkov; run it over terraform/blueprints.")
    unread = report["results"].get("parsing_errors", [])
    if unread or not report["summary"]["passed"]:
        raise ValueError(f"checkov could not read what it was to look at: {unread}")
    found = {}
    for item in report["results"]["failed_checks"]:
        folder = PurePosixPath(item["file_path"]).parent.as_posix().strip("/")
        found[item["check_id"], f"{folder}/{item['resource']}"] = str(item["check_name"])
    return found


def compare(found: Mapping[tuple[str, str], str], exceptions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each finding without a reason and each reason without a finding."""
    excused = {
        (check, resource)
        for check, item in exceptions.items()
        for resource in item["resources"]
        if str(item["reason"]).strip()
    }
    for check, resource in sorted(found.keys() - excused):
        yield f"{resource}: {found[check, resource]} [{check}]; mend it, or write down why it stays"
    for check, resource in sorted(excused - found.keys()):
        yield f"{resource}: nothing is found there any more [{check}]; remove its exception"


def main(path: Path) -> int:
    """Print what is wrong; 1 when something is."""
    exceptions = yaml.safe_load(EXCEPTIONS.read_text(encoding="utf-8"))
    faults = [*compare(read_findings(json.loads(path.read_text(encoding="utf-8"))), exceptions)]
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"security of modules: {f'{len(faults)} mistakes' if faults else 'ok'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
