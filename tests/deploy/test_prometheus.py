"""The alert rules ask for metrics that there are, lead to pages that there are, and fire."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks.tree import ROOT
from tests.deploy.conftest import Exported
from tests.deploy.expressions import find_faults, metrics_of

RULES = ROOT / "deploy" / "prometheus" / "landform.rules.yaml"
UNIT_TESTS = ROOT / "tests" / "deploy" / "landform.rules.test.yaml"
MONITORING = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian has it in the package prometheus)"
)
SEVERITIES = {"critical", "warning", "info"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


def test_every_alert_asks_for_what_is_exported(exported: Exported) -> None:
    faults = {rule["alert"]: list(find_faults(rule["expr"], exported)) for rule in rules()}
    assert {name: found for name, found in faults.items() if found} == {}


def test_a_metric_or_a_label_that_is_not_exported_would_be_found(exported: Exported) -> None:
    assert list(find_faults("landform_wrokers == 0", exported)) == ["landform_wrokers"]
    assert list(find_faults('landform_check_ok{check="volumes"} == 0', exported))
    assert not list(find_faults('landform_check_ok{check=~"volume|x"} == 0', exported))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_how_grave_it_is_and_leads_to_a_page(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"]["summary"]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (ROOT / page).is_file()
    assert not anchor or anchor in anchors(ROOT / page)


def test_every_alert_has_its_own_name_and_each_that_is_critical_its_test() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    tested = re.findall(r"alertname: (\w+)", UNIT_TESTS.read_text(encoding="utf-8"))
    critical = {rule["alert"] for rule in rules() if rule["labels"]["severity"] == "critical"}
    simple = {"LandformDown", "LandformDriftDetectorDead"}
    assert critical - simple <= set(tested) <= set(names)


def test_every_metric_is_in_the_documentation(exported: Exported) -> None:
    own = {name for name in exported.names if name.startswith("landform_")}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in own}
    pages = MONITORING + (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    created = {name for name in families if name.endswith("_created")}
    assert [name for name in sorted(families - created) if f"`{name}" not in pages] == []
    assert metrics_of(MONITORING) <= own | families


@needs_promtool
def test_prometheus_understands_the_rules() -> None:
    done = promtool("check", "rules", str(RULES))
    assert f"{len(rules())} rules found" in done


@needs_promtool
def test_the_alerts_fire_when_they_should(tmp_path: Path) -> None:
    for file in (RULES, UNIT_TESTS):
        shutil.copy(file, tmp_path)
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / UNIT_TESTS.name))


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [str(PROMTOOL), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
