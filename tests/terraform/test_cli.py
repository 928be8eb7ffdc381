"""Each subcommand against real Terraform, with both engines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.operation_errors import OperationCanceledError, OperationDeadlineError
from app.domain.state_file import StateFile
from app.terraform.arguments import PlanMode
from app.terraform.cli import StepHooks, Terraform
from app.terraform.discovery import TerraformBinary
from app.terraform.events import Event, parse_events
from app.terraform.orphan_candidates import possibly_orphaned
from app.terraform.terraform_errors import PlanStaleError, TerraformError
from tests.plan_counts import counts

MakeTerraform = Callable[..., Terraform]
MODULE = """
variable "name" {}
variable "password" { sensitive = true }
resource "terraform_data" "kept" { input = var.name }
resource "terraform_data" "replaced" {
  input            = { user = "u", password = var.password }
  triggers_replace = [var.name]
}
output "name" { value = terraform_data.kept.output }
output "password" {
  value     = var.password
  sensitive = true
}
"""
PASSWORD = 'pass"word-7391'


def plan_path(terraform: Terraform) -> Path:
    return terraform.directory / "landform.tfplan"


def apply_all(terraform: Terraform) -> None:
    terraform.init(60)
    terraform.plan(plan_path(terraform), 60)
    terraform.apply(plan_path(terraform), 60)


def test_a_whole_life_is_planned_applied_shown_and_destroyed(
    make_terraform: MakeTerraform,
) -> None:
    events: list[Event] = []
    values = {"name": "${one}", "password": PASSWORD}
    terraform = make_terraform(MODULE, StepHooks(on_event=events.append), variables=values)
    terraform.init(60)
    assert terraform.validate(60) == ()
    assert terraform.plan(plan_path(terraform), 60).has_changes
    assert terraform.show_plan(plan_path(terraform), 60).summary.to_dict() == counts(add=2)
    outcome = terraform.apply(plan_path(terraform), 60)
    assert outcome.summary is not None
    assert (outcome.summary.add, outcome.summary.operation) == (2, "apply")
    outputs = terraform.output(60)
    assert outputs["name"].value == "${one}"
    assert (outputs["password"].value, outputs["password"].is_sensitive) == (PASSWORD, True)
    assert not terraform.plan(plan_path(terraform), 60).has_changes

    terraform = make_terraform(MODULE, variables={"name": "two", "password": "other-secret"})
    terraform.plan(plan_path(terraform), 60)
    plan = terraform.show_plan(plan_path(terraform), 60)
    assert plan.summary.to_dict() == counts(change=1, replace=1)
    replaced = next(item for item in plan.changes if item.is_replace)
    forcing = [item.path_text for item in replaced.attributes if item.forces_replacement]
    assert forcing == ["triggers_replace[0]"]
    terraform.apply(plan_path(terraform), 60)

    terraform.plan(plan_path(terraform), 60, mode=PlanMode.DESTROY)
    assert terraform.show_plan(plan_path(terraform), 60).summary.destroy == 2
    terraform.apply(plan_path(terraform), 60)
    assert StateFile.parse((terraform.directory / "terraform.tfstate").read_bytes()).is_empty
    completed = [event for event in events if event.type == "apply_complete"]
    assert {event.address for event in completed} == {
        "terraform_data.kept",
        "terraform_data.replaced",
    }
    assert all(event.id_value for event in completed)


def test_no_secret_is_in_events_plans_or_files_that_stay(make_terraform: MakeTerraform) -> None:
    events: list[Event] = []
    hooks = StepHooks(on_event=events.append)
    module = MODULE + 'resource "terraform_data" "says" {\n  provisioner "local-exec" {\n'
    module += '    command = "echo token is credential-55"\n  }\n}\n'
    values = {"name": "one", "password": PASSWORD}
    secrets = ("credential-55",)
    apply_all(make_terraform(module, hooks, variables=values, secrets=secrets))
    terraform = make_terraform(
        module, hooks, variables=values | {"password": "other-secret"}, secrets=secrets
    )
    terraform.plan(plan_path(terraform), 60)
    plan = terraform.show_plan(plan_path(terraform), 60)
    terraform.output(60)
    shown = json.dumps([event.to_dict() for event in events]) + json.dumps(plan.to_dict())
    for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], "other-secret", "credential-55"):
        assert secret not in shown
    assert "token is (sensitive value)" in shown
    kept = {path.name for path in terraform.logs.iterdir()}
    assert not {name for name in kept if name.endswith(".capture")}
    for path in terraform.logs.iterdir():
        assert PASSWORD not in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_plan_of_an_older_state_is_stale(make_terraform: MakeTerraform) -> None:
    terraform = make_terraform(MODULE, variables={"name": "one", "password": PASSWORD})
    apply_all(terraform)
    with pytest.raises(PlanStaleError, match="Saved plan is stale"):
        terraform.apply(plan_path(terraform), 60)


def test_drift_is_found_by_a_refresh_only_plan(make_terraform: MakeTerraform) -> None:
    terraform = make_terraform(MODULE, variables={"name": "one", "password": PASSWORD})
    apply_all(terraform)
    outcome = terraform.plan(
        plan_path(terraform), 60, mode=PlanMode.REFRESH_ONLY, step_name="refresh"
    )
    assert not outcome.has_changes
    assert terraform.show_plan(plan_path(terraform), 60).drift == ()
    assert terraform.events_path("refresh").exists()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ('resource "terraform_data" "a" { input = var.absent }', "undeclared input variable"),
        ("resource {", "main.tf line 1"),
        ('variable "needed" {}', "No value for required variable"),
    ],
)
def test_a_mistake_in_the_configuration_is_said_in_words(
    make_terraform: MakeTerraform, module: str, words: str
) -> None:
    terraform = make_terraform(module)
    with pytest.raises(TerraformError, match=words) as caught:
        apply_all(terraform)
    assert caught.value.context["diagnostics"][0]["severity"] == "error"


def test_an_invalid_configuration_fails_validation(make_terraform: MakeTerraform) -> None:
    terraform = make_terraform('resource "terraform_data" "a" { wrong = 1 }')
    terraform.init(60)
    with pytest.raises(TerraformError, match=r"Unsupported argument.*main.tf line 1"):
        terraform.validate(60)


def test_a_failure_midway_names_the_resource_and_keeps_what_was_made(
    make_terraform: MakeTerraform,
) -> None:
    module = """
resource "terraform_data" "first" {}
resource "terraform_data" "broken" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "exit 3" }
}
"""
    terraform = make_terraform(module)
    with pytest.raises(TerraformError, match=r"exit status 3.*\(terraform_data.broken\)"):
        apply_all(terraform)
    state = StateFile.parse((terraform.directory / "terraform.tfstate").read_bytes())
    assert set(state.identifiers()) == {"terraform_data.first", "terraform_data.broken"}


def read_events(terraform: Terraform) -> list[Event]:
    with terraform.events_path("apply").open() as lines:
        return list(parse_events(lines))


def test_a_cancel_stops_an_apply_in_good_order(
    make_terraform: MakeTerraform, slow_module: str
) -> None:
    types: list[str] = []
    hooks = StepHooks(
        on_event=lambda event: types.append(event.type),
        should_stop=lambda: "provision_start" in types,
    )
    terraform = make_terraform(slow_module, hooks, variables={"seconds": 30})
    started = time.monotonic()
    with pytest.raises(OperationCanceledError, match="stopped in good order"):
        apply_all(terraform)
    assert time.monotonic() - started < 15
    state = StateFile.parse((terraform.directory / "terraform.tfstate").read_bytes())
    assert "terraform_data.first" in state.identifiers()
    assert possibly_orphaned(read_events(terraform), state) == []


def test_a_deadline_stops_an_apply_with_its_own_error(
    make_terraform: MakeTerraform, slow_module: str
) -> None:
    terraform = make_terraform(slow_module, variables={"seconds": 30})
    terraform.init(60)
    terraform.plan(plan_path(terraform), 60)
    with pytest.raises(OperationDeadlineError, match="deadline"):
        terraform.apply(plan_path(terraform), 1)
    state = StateFile.parse((terraform.directory / "terraform.tfstate").read_bytes())
    assert "terraform_data.first" in state.identifiers()


def test_a_kill_names_the_resource_that_was_being_made(
    make_terraform: MakeTerraform, slow_module: str
) -> None:
    identities = []
    types: list[str] = []

    def kill_when_slow() -> None:
        if "provision_start" in types:
            identities[-1].kill_group()

    hooks = StepHooks(
        on_event=lambda event: types.append(event.type),
        on_start=identities.append,
        on_poll=kill_when_slow,
    )
    terraform = make_terraform(slow_module, hooks, variables={"seconds": 30})
    with pytest.raises(TerraformError, match="signal 9 from outside"):
        apply_all(terraform)
    path = terraform.directory / "terraform.tfstate"
    state = StateFile.parse(path.read_bytes()) if path.exists() else None
    orphans = possibly_orphaned(read_events(terraform), state)
    assert "terraform_data.slow" in [item.address for item in orphans]
    known = set(state.identifiers()) if state else set()
    assert {item.address for item in orphans} | known >= {
        "terraform_data.first",
        "terraform_data.slow",
    }


def test_a_prompt_does_not_hang(make_terraform: MakeTerraform) -> None:
    terraform = make_terraform('variable "asked" {}')
    terraform.init(60)
    started = time.monotonic()
    with pytest.raises(TerraformError):
        terraform.plan(plan_path(terraform), 30)
    assert time.monotonic() - started < 30


def test_a_missing_or_damaged_plan_is_an_error_in_words(make_terraform: MakeTerraform) -> None:
    terraform = make_terraform("")
    terraform.init(60)
    for content in (None, b"", b"PK torn"):
        if content is not None:
            plan_path(terraform).write_bytes(content)
        for call in (terraform.apply, terraform.show_plan):
            with pytest.raises(TerraformError) as caught:
                call(plan_path(terraform), 60)
            assert len(caught.value.detail) > 20


DUMP = {"version": 4, "serial": 3, "lineage": "l", "resources": ["raw-secret-1234"]}
# The shape measured with Terraform 1.11.4 on a full disk, then the one without -json, then a tear.
FULL_DISK = f"""#!/bin/sh
cat <<'EOF'
{{"@level":"info","@message":"Emergency state dump","type":"log","state":{json.dumps(DUMP)}}}
{json.dumps(DUMP, indent=2)}
{json.dumps(DUMP)}
{{"@message":"Error","diagnostic":{{"summary":"Failed to save state"}},"type":"diagnostic"}}
{{"@message":"torn","state":{{"resources":["raw-secret-1234"
EOF
exit 1
"""


def test_the_raw_state_that_a_full_disk_brings_out_is_no_event(
    tmp_path: Path, make_terraform: MakeTerraform
) -> None:
    events: list[Event] = []
    program = tmp_path / "terraform"
    program.write_text(FULL_DISK)
    program.chmod(0o755)
    terraform = replace(
        make_terraform("", StepHooks(on_event=events.append)),
        binary=TerraformBinary(program, "exec", "terraform", "1.11.4"),
    )
    with pytest.raises(TerraformError, match="Failed to save state") as caught:
        terraform.apply(plan_path(terraform), 60)
    shown = json.dumps([event.to_dict() for event in events]) + json.dumps(caught.value.context)
    assert "raw-secret-1234" in terraform.events_path("apply").read_text()
    assert "raw-secret-1234" not in shown
    assert [event.type for event in events] == ["diagnostic"]
    assert caught.value.context["withheld_lines"] == 3 + len(json.dumps(DUMP, indent=2).split("\n"))
