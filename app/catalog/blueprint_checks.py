"""Checks each blueprint against the other blueprints and against the clouds.

Owns names, references and neutral words. The Terraform modules are ``module_checks``' work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app.catalog.blueprint import STANDARD_VARIABLES
from app.catalog.blueprint_draft import BlueprintDraft
from app.catalog.cloud import Cloud
from app.catalog.diagnostics import Diagnostics
from app.catalog.requirement_checks import check_requirements

# First segments of paths that the API and the console have for themselves, in both numbers, since
# the names of kinds also become names in the OpenAPI document.
RESERVED_NAMES = frozenset(
    [
        "account",
        "accounts",
        "api",
        "approval",
        "approvals",
        "audit",
        "audit-event",
        "audit-events",
        "auth",
        "catalog",
        "catalogue",
        "cloud",
        "cloud-account",
        "cloud-accounts",
        "clouds",
        "doc",
        "docs",
        "drift",
        "drift-report",
        "drift-reports",
        "error",
        "errors",
        "event",
        "events",
        "healthz",
        "job",
        "jobs",
        "kind",
        "kinds",
        "lock",
        "locks",
        "login",
        "logout",
        "member",
        "members",
        "metrics",
        "operation",
        "operations",
        "output",
        "outputs",
        "overview",
        "page",
        "pages",
        "parameter",
        "parameters",
        "plan",
        "plans",
        "problem",
        "problems",
        "project",
        "projects",
        "readyz",
        "resource",
        "resources",
        "schedule",
        "schedules",
        "session",
        "sessions",
        "settings",
        "stack",
        "stacks",
        "state",
        "state-version",
        "state-versions",
        "static",
        "step",
        "steps",
        "system",
        "token",
        "tokens",
        "user",
        "users",
        "v1",
        "webhook",
        "webhooks",
    ]
)
# https://developer.hashicorp.com/terraform/language/values/variables#declaring-an-input-variable
TERRAFORM_RESERVED = frozenset(
    ("source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals")
)


def check_blueprints(
    drafts: Sequence[BlueprintDraft],
    earlier: Sequence[BlueprintDraft],
    unreadable: Collection[str],
    clouds: Mapping[str, Cloud],
    diagnostics: Diagnostics,
) -> None:
    """Note everything that is wrong between ``drafts``, and between them and ``clouds``.

    Args:
        drafts: the newest version of each kind.
        earlier: the other versions of all kinds.
        unreadable: kinds that could not be read; what is wrong there is noted already.
        clouds: by name.
        diagnostics: takes what is wrong.
    """
    kinds = {draft.kind: draft for draft in drafts}
    every = [*drafts, *earlier]
    outputs: dict[str, set[str]] = {}
    for draft in every:
        outputs.setdefault(draft.kind, set()).update(draft.outputs)
    for draft in drafts:
        _check_names(draft, diagnostics)
        _check_references(draft, kinds, unreadable, diagnostics)
    for draft in earlier:
        _check_references(draft, kinds, unreadable, diagnostics, outputs)
    for draft in every:
        _check_variable_names(draft, diagnostics)
        for cloud in draft.modules:
            if cloud in clouds:
                _check_vocabulary(draft, clouds[cloud], diagnostics)
    _check_doubles(drafts, diagnostics)
    _check_cycles(every, diagnostics)


def _check_names(draft: BlueprintDraft, diagnostics: Diagnostics) -> None:
    file = draft.document.file
    if draft.kind != draft.folder.name:
        message = f"the kind is {draft.kind} but its folder is not; name the folder {draft.kind}"
        diagnostics.add(file, draft.line("kind"), message)
    for key in ("kind", "plural"):
        name = draft.document.data[key]
        if name in RESERVED_NAMES:
            message = f"{key} {name} is a name of Landform's own API; choose another"
            diagnostics.add(file, draft.line(key), message)


def _check_doubles(drafts: Sequence[BlueprintDraft], diagnostics: Diagnostics) -> None:
    for key in ("kind", "plural"):
        owners: dict[str, BlueprintDraft] = {}
        for draft in drafts:
            name = draft.document.data[key]
            if name in owners:
                message = f"{key} {name} is taken by {owners[name].document.file}; choose another"
                diagnostics.add(draft.document.file, draft.line(key), message)
            owners.setdefault(name, draft)


def _check_variable_names(draft: BlueprintDraft, diagnostics: Diagnostics) -> None:
    taken: dict[str, int] = {}
    for variable in draft.expected_variables():
        line = draft.line(*variable.path)
        name, message = variable.name, None
        if name in TERRAFORM_RESERVED:
            advice = "add x-variable with another name for the module's variable"
            message = f"{name} is a reserved name in Terraform; {advice}"
        elif name in STANDARD_VARIABLES or name.startswith("landform_"):
            message = f"{name} is a reserved name; only Landform's own variables start so"
        elif name in taken:
            message = f"the variable {name} is already filled by line {taken[name]}; rename one"
        if message:
            diagnostics.add(draft.document.file, line, message)
        taken.setdefault(name, line)


def _check_references(
    draft: BlueprintDraft,
    kinds: Mapping[str, BlueprintDraft],
    unreadable: Collection[str],
    diagnostics: Diagnostics,
    outputs: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Check that kinds and outputs are there; an earlier version may rely on earlier outputs."""
    for parameter, reference in draft.references.items():
        if reference["kind"] in unreadable:
            continue
        path = ("parameters", "properties", parameter, "x-references")
        target = kinds.get(reference["kind"])
        if target is None:
            known = ", ".join(sorted(kinds))
            message = f"there is no kind {reference['kind']}; the kinds are: {known}"
            diagnostics.add(draft.document.file, draft.line(*path, "kind"), message)
            continue
        check_requirements(draft, parameter, target, kinds, diagnostics)
        offered = outputs[target.kind] if outputs is not None else target.outputs
        for output in reference["outputs"]:
            if output not in offered:
                known = ", ".join(offered) or "none"
                message = f"{target.kind} has no output {output}; its outputs are: {known}"
                diagnostics.add(draft.document.file, draft.line(*path, "outputs", output), message)


def _check_cycles(drafts: Sequence[BlueprintDraft], diagnostics: Diagnostics) -> None:
    """Note each reference that leads back to its own kind, through whichever versions."""
    edges: dict[str, set[str]] = {}
    for draft in drafts:
        edges.setdefault(draft.kind, set()).update(
            reference["kind"] for reference in draft.references.values()
        )
        if draft.stands_for is not None:  # a reference to that kind may lead here
            edges.setdefault(draft.stands_for, set()).add(draft.kind)
    for draft in drafts:
        for parameter, reference in draft.references.items():
            if draft.kind in _reachable(edges, reference["kind"]):
                line = draft.line("parameters", "properties", parameter, "x-references", "kind")
                message = (
                    f"{draft.kind} refers to {reference['kind']}, which leads back to "
                    f"{draft.kind}; remove one of the references"
                )
                diagnostics.add(draft.document.file, line, message)


def _reachable(edges: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting.extend(edges.get(kind, ()))
    return found


def _check_vocabulary(draft: BlueprintDraft, cloud: Cloud, diagnostics: Diagnostics) -> None:
    for name, schema in draft.properties.items():
        _check_words(draft, cloud, ("parameters", "properties", name), schema, diagnostics)


def _check_words(
    draft: BlueprintDraft,
    cloud: Cloud,
    path: tuple[str | int, ...],
    schema: dict[str, Any],
    diagnostics: Diagnostics,
) -> None:
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            _check_words(draft, cloud, (*path, keyword), schema[keyword], diagnostics)
    for name, child in schema.get("properties", {}).items():
        _check_words(draft, cloud, (*path, "properties", name), child, diagnostics)
    vocabulary = schema.get("x-vocabulary")
    if vocabulary is None:
        return
    offered = cloud.vocabulary.get(vocabulary)
    keyword, message = "x-vocabulary", None
    if offered is None:
        known = ", ".join(cloud.vocabulary) or "none"
        message = f"{cloud.name} has no vocabulary {vocabulary}; its vocabularies are: {known}"
    elif not set(schema["enum"]) & set(offered):
        keyword, message = "enum", f"{cloud.name} offers none of these: {', '.join(offered)}"
        message = f"{cloud.name} offers none of these words; it offers: {', '.join(offered)}"
    elif "default" in schema and schema["default"] not in {*offered, None}:
        keyword = "default"
        message = f"{cloud.name} does not offer the default; it offers: {', '.join(offered)}"
    if message:
        diagnostics.add(draft.document.file, draft.line(*path, keyword), message)
