"""Make, show and change a set of policies as a text, checked while it is written and when saved."""

from __future__ import annotations

from dataclasses import replace

from flask import render_template, request
from werkzeug.wrappers import Response

from app.catalog.policy_packs import load_packs
from app.catalog.policy_texts import FIELD, PolicyText, write_text
from app.console.policies.read import read_set
from app.console.shell.forms.entry import AT_FORM, FormEntry, filled, sent
from app.console.shell.forms.fields import Field
from app.console.shell.forms.values import ON
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.permissions import ServiceRight
from app.errors import LandformError, ValidationError
from app.services.access import require_service
from app.services.policies import sets
from app.services.policies.checks import CaseOutcome
from app.services.policies.sets import NewPolicySet, PolicySetChange
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

MAX_NAME, MAX_DESCRIPTION = 40, 500
FIELDS = (
    Field("/name", "text", "Name", example="basics", is_required=True),
    Field("/description", "text", "Description"),
    Field("/enabled", "checkbox", "Ask these policies"),
    Field(FIELD, "lines", "Policies", help="YAML, one list item for each policy."),
)


@pages.get("/settings/policies/new")
def ask_for_policies() -> str:
    """Show the form, filled from a pack where one is named."""
    require_service(current_principal(), ServiceRight.POLICY_WRITE)
    typed: dict[str, str] = {}
    for pack in load_packs(current_context().settings.catalog_root):
        if pack.name == request.args.get("pack"):
            typed = {
                "/name": pack.name,
                "/description": pack.description,
                FIELD: write_text(pack.policies),
            }
    return _form(replace(filled(FIELDS, typed, 0), version=None), None)


@pages.post("/settings/policies/new")
def make_policies() -> Response | tuple[str, int]:
    """Make a set."""
    require_service(current_principal(), ServiceRight.POLICY_WRITE)
    entry = sent(FIELDS)
    try:
        text = PolicyText.read(entry.text(FIELD))
        wanted = NewPolicySet(
            entry.short("/name", "a name", MAX_NAME),
            text.items,
            entry.text("/description")[:MAX_DESCRIPTION],
            enabled=entry.is_on("/enabled"),
        )
        with perform() as work:
            set_id = sets.create_policy_set(work, wanted).id
    except AT_FORM as error:
        return _form(_after(entry, error), None), status_of(error)
    return go_with_notice("made", "console.edit_policies", set_id=set_id)


@pages.get("/settings/policies/<set_id>")
def edit_policies(set_id: str) -> str:
    """Show a set; who may change it gets a form."""
    row = read_set(current_context(), current_principal(), set_id)
    typed = {
        "/name": row.name,
        "/description": row.description,
        "/enabled": ON if row.status == "enabled" else "",
        FIELD: write_text(row.policies),
    }
    return _form(filled(FIELDS, typed, row.version), row.id)


@pages.post("/settings/policies/<set_id>")
def save_policies(set_id: str) -> Response | tuple[str, int]:
    """Change a set."""
    require_service(current_principal(), ServiceRight.POLICY_WRITE)
    entry = sent(FIELDS)
    try:
        text = PolicyText.read(entry.text(FIELD))
        change = PolicySetChange(
            entry.short("/name", "a name", MAX_NAME),
            text.items,
            entry.text("/description")[:MAX_DESCRIPTION],
            enabled=entry.is_on("/enabled"),
        )
        with perform() as work:
            sets.change_policy_set(work, set_id, change, entry.version)
    except AT_FORM as error:
        return _form(_after(entry, error), set_id), status_of(error)
    return go_with_notice("saved", "console.edit_policies", set_id=set_id)


@pages.post("/settings/policies/check")
def check_policy_text() -> str:
    """Say what is wrong with the text of the form, and what its test cases come to."""
    ctx, principal = current_context(), current_principal()
    require_service(principal, ServiceRight.POLICY_WRITE)
    entry, outcomes = sent(FIELDS), []
    try:
        text = PolicyText.read(entry.text(FIELD))
        with ctx.read() as session:
            outcomes = sets.run_test_cases(ctx, session, text.items)
    except ValidationError as error:
        entry = _after(entry, error)
    set_id = request.form.get("set_id") or None
    return _form(entry, set_id, outcomes)


def _after(entry: FormEntry, error: LandformError) -> FormEntry:
    """Return the form with problems of policies told by their lines."""
    shown = entry.after(error)
    try:
        text = PolicyText.read(entry.text(FIELD))
    except ValidationError:
        return shown
    return replace(shown, problems=text.placed(shown.problems))


def _form(entry: FormEntry, set_id: str | None, outcomes: list[CaseOutcome] | None = None) -> str:
    may_write = current_principal().may(ServiceRight.POLICY_WRITE)
    return render_template(
        "policies/edit.html",
        entry=entry,
        field=FIELD,
        set_id=set_id,
        outcomes=outcomes,
        may_write=may_write,
    )
