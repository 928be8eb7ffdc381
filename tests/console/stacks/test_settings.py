"""The settings tab: parameters with a preview, care, life time, and another blueprint version."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.models import Operation, Stack
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, Made
from tests.console.form_filling import values_of

SCRIPT = "<script>alert(1)</script>"
CARE = {
    "/auto_apply": "never",
    "/drift": "3600",
    "/drift/cron": "",
    "/expires_at": "",
    "/on_expiry": "ask",
    "/labels": "team=web",
}


@pytest.fixture
def made(fleet: Fleet) -> Made:
    return fleet.stack("web", parameters={"zones": 2})


@pytest.fixture
def path(made: Made) -> str:
    return f"/stacks/{made.stack_id}/settings"


def stack_of(ctx: Context, made: Made) -> Stack:
    with ctx.read() as session:
        return session.get_one(Stack, made.stack_id)


def operations_of(ctx: Context, made: Made) -> list[Operation]:
    with ctx.read() as session:
        query = select(Operation).where(Operation.stack_id == made.stack_id)
        return list(session.scalars(query.order_by(Operation.id)).unique())


def fill(visitor: Visitor, path: str, section: str, **changes: str) -> dict[str, str]:
    """Return what a browser would send: the form's own values with ``changes``."""
    action = path if section == "care" else f"{path}/parameters"
    found = values_of(visitor.text(path), action)
    return {**found, **(CARE if section == "care" else {}), **changes}


def test_parameters_are_shown_as_they_are_and_fixed_ones_apart(visitor: Visitor, path: str) -> None:
    page = visitor.text(path)
    assert 'name="/parameters/zones" value="2"' in page
    assert "Fixed at creation" in page
    assert 'name="/parameters/cidr"' not in page


def test_a_preview_plans_and_is_then_made(
    visitor: Visitor, fleet: Fleet, made: Made, path: str, ctx: Context
) -> None:
    form = fill(visitor, path, "parameters", intent="preview", **{"/parameters/zones": "3"})
    answer = visitor.post(f"{path}/parameters", form)
    assert answer.status_code == 303
    preview = operations_of(ctx, made)[-1]
    assert (preview.type, answer.location) == ("plan", f"/operations/{preview.id}")
    assert stack_of(ctx, made).parameters["zones"] == 2
    assert "Apply this change" not in visitor.text(answer.location)
    assert visitor.post(f"/operations/{preview.id}/apply-preview").status_code == 409
    fleet.change_operation(
        preview.id,
        status="planned_and_finished",
        generation=stack_of(ctx, made).generation,
        ended_at=utc_now(),
    )
    assert "Apply this change" in visitor.text(answer.location)
    answer = visitor.post(f"/operations/{preview.id}/apply-preview")
    assert answer.status_code == 303
    assert stack_of(ctx, made).parameters["zones"] == 3
    assert operations_of(ctx, made)[-1].type == "apply"
    again = visitor.post(f"/operations/{preview.id}/apply-preview")
    assert again.status_code == 409, "the stack is another one by now"


def test_a_plain_plan_cannot_be_made_as_if_it_were_a_preview(
    visitor: Visitor, fleet: Fleet, made: Made
) -> None:
    plan = fleet.operation(made.stack_id, "plan", status="planned_and_finished")
    assert "Apply this change" not in visitor.text(f"/operations/{plan}")
    assert visitor.post(f"/operations/{plan}/apply-preview").status_code == 409


def test_a_change_is_applied_at_once(visitor: Visitor, made: Made, path: str, ctx: Context) -> None:
    form = fill(visitor, path, "parameters", intent="change", **{"/parameters/zones": "1"})
    assert visitor.post(f"{path}/parameters", form).status_code == 303
    assert stack_of(ctx, made).parameters["zones"] == 1
    assert operations_of(ctx, made)[-1].type == "apply"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"/parameters/zones": "99"}, "99"),
        ({"/parameters/zones": SCRIPT}, "&lt;script&gt;"),
        ({"/parameters/zones": "2"}, "No changes. Change a field first."),
    ],
)
def test_a_bad_change_stands_at_its_field_with_what_was_typed(
    visitor: Visitor, made: Made, path: str, ctx: Context, form: dict[str, str], said: str
) -> None:
    for intent in ("preview", "change"):
        sent = fill(visitor, path, "parameters", intent=intent, **form)
        answer = visitor.post(f"{path}/parameters", sent)
        assert answer.status_code == 422
        assert said in answer.text
        assert "Nothing was changed." in answer.text
        assert SCRIPT not in answer.text
    assert len(operations_of(ctx, made)) == 1


def test_an_immutable_parameter_cannot_be_smuggled_in(
    visitor: Visitor, made: Made, path: str, ctx: Context
) -> None:
    before = stack_of(ctx, made).parameters
    form = fill(visitor, path, "parameters", intent="change", **{"/parameters/cidr": "10.9.0.0/16"})
    form["/parameters/zones"] = "2"
    assert visitor.post(f"{path}/parameters", form).status_code == 422
    assert stack_of(ctx, made).parameters == before


def test_a_secret_left_empty_stays_and_is_never_sent_back(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    group = {"network": "web", "user_data": "s3cret-start-up"}
    fleet.stack("web")
    made = fleet.stack("shop", "machine-group", parameters=group)
    path = f"/stacks/{made.stack_id}/settings"
    page = visitor.text(path)
    assert "s3cret-start-up" not in page
    assert 'value="web" selected' in page or ">web</a>" in page
    sealed = stack_of(ctx, made).sealed_parameters
    form = fill(visitor, path, "parameters", intent="change")
    answer = visitor.post(f"{path}/parameters", form)
    assert "No changes. Change a field first." in answer.text
    assert stack_of(ctx, made).sealed_parameters == sealed


def test_care_is_saved_and_shown(visitor: Visitor, made: Made, path: str, ctx: Context) -> None:
    ends = (utc_now() + timedelta(days=3)).strftime("%Y-%m-%d %H:%M")
    more = {"/expires_at": ends, "/deletion_protection": "on", "/labels": f"team={'x' * 9}"}
    answer = visitor.post(path, fill(visitor, path, "care", **more))
    assert (answer.status_code, answer.location) == (303, f"{path}?done=saved")
    assert "Saved." in visitor.text(answer.location)
    stack = stack_of(ctx, made)
    assert (stack.auto_apply, stack.deletion_protection, stack.on_expiry) == ("never", True, "ask")
    assert stack.labels == {"team": "xxxxxxxxx"}
    assert (stack.schedule.interval_seconds, stack.schedule.follows_project) == (3600, False)
    assert stack.expires_at is not None
    page = visitor.text(path)
    assert f'value="{ends}"' in page
    back = fill(visitor, path, "care", **{"/drift": "follow"})
    del back["/deletion_protection"]  # as a browser does with a box that is not checked
    assert visitor.post(path, back).status_code == 303
    stack = stack_of(ctx, made)
    assert (stack.expires_at, stack.deletion_protection) == (None, False)
    assert stack.schedule.follows_project


@pytest.mark.parametrize(
    ("rhythm", "cron", "is_enabled", "kept"),
    [("cron", "30 4 * * 1-5", True, "30 4 * * 1-5"), ("never", "", False, None)],
)
def test_drift_is_checked_by_a_cron_line_or_never(
    visitor: Visitor, made: Made, path: str, ctx: Context, rhythm: str, cron: str,
    is_enabled: bool, kept: str | None,
) -> None:  # fmt: skip
    form = fill(visitor, path, "care", **{"/drift": rhythm, "/drift/cron": cron})
    assert visitor.post(path, form).status_code == 303
    schedule = stack_of(ctx, made).schedule
    assert (schedule.is_enabled, schedule.cron) == (is_enabled, kept)
    assert f'value="{rhythm}" selected' in visitor.text(path)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/auto_apply", "sometimes"),
        ("/drift", "1"),
        ("/drift", ""),
        ("/on_expiry", SCRIPT),
        ("/expires_at", "tomorrow"),
        ("/expires_at", "2020-01-01 00:00"),
        ("/expires_at", "9" * 40),
        ("/labels", "no sign"),
        ("/labels", "<b>=x"),
    ],
)
def test_care_that_cannot_be_read_changes_nothing(
    visitor: Visitor, made: Made, path: str, ctx: Context, pointer: str, value: str
) -> None:
    version = stack_of(ctx, made).version
    answer = visitor.post(path, fill(visitor, path, "care", **{pointer: value}))
    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text
    assert SCRIPT not in answer.text
    assert stack_of(ctx, made).version == version


def test_a_bad_cron_line_is_refused(visitor: Visitor, path: str) -> None:
    form = fill(visitor, path, "care", **{"/drift": "cron", "/drift/cron": "61 * * * *"})
    assert visitor.post(path, form).status_code == 422


@pytest.mark.parametrize("version", ["", "0", "x", "²"])
def test_a_form_from_an_older_stack_is_refused(visitor: Visitor, path: str, version: str) -> None:
    answer = visitor.post(path, {**CARE, "version": version})
    assert answer.status_code == 412
    assert "was changed since you read it" in answer.text


def test_another_version_has_to_be_one_of_the_catalogue(visitor: Visitor, path: str) -> None:
    for version in ("", "99.0.0", SCRIPT, "x" * 500):
        answer = visitor.post(f"{path}/upgrade", {"version": version, "intent": "preview"})
        assert answer.status_code == 422
        assert SCRIPT not in answer.text


def test_a_viewer_sees_the_settings_and_changes_none(
    outsider: Visitor, fleet: Fleet, path: str
) -> None:
    fleet.member("vera", "a long password", "viewer")
    outsider.sign_in("vera", "a long password")
    page = outsider.text(path)
    assert "requires the role Operator" in page
    assert "Preview plan" not in page
    for form in (path, f"{path}/parameters", f"{path}/upgrade"):
        assert outsider.post(form, {"version": "1"}).status_code == 403


def test_the_settings_of_a_deleted_stack_are_history(
    visitor: Visitor, fleet: Fleet, made: Made, path: str
) -> None:
    fleet.change_stack(made.stack_id, status="deleted", deleted_at=utc_now())
    assert "The stack is deleted and cannot be changed." in visitor.text(path)
    assert visitor.post(path, {**CARE, "version": "1"}).status_code == 409
