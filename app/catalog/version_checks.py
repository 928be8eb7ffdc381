"""Checks the versions of each blueprint against each other.

Owns what must be true between ``blueprints/<kind>/`` and ``blueprints/<kind>/versions/<version>/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.catalog.blueprint_draft import BlueprintDraft
from app.catalog.diagnostics import Diagnostics
from app.domain.versions import Version


def check_versions(
    newest: Mapping[str, BlueprintDraft],
    earlier: Mapping[str, Sequence[BlueprintDraft]],
    diagnostics: Diagnostics,
) -> None:
    """Note what is wrong between the newest version of each kind and its ``earlier`` ones."""
    for kind, drafts in earlier.items():
        for draft in drafts:
            _check_folder(draft, diagnostics)
            if kind in newest:
                _check_against_newest(draft, newest[kind], diagnostics)
    for kind, draft in newest.items():
        for one in (draft, *earlier.get(kind, ())):
            _check_downgrades(one, [draft, *earlier.get(kind, ())], diagnostics)


def _check_folder(draft: BlueprintDraft, diagnostics: Diagnostics) -> None:
    if draft.version != draft.folder.name:
        message = f"the version is {draft.version} but its folder is not; name it {draft.version}"
        diagnostics.add(draft.document.file, draft.line("version"), message)


def _check_against_newest(
    draft: BlueprintDraft, newest: BlueprintDraft, diagnostics: Diagnostics
) -> None:
    for key in ("kind", "plural", "stands_for"):
        wanted = newest.document.data.get(key)
        if draft.document.data.get(key) != wanted:
            message = (
                f"{key} is {wanted or 'not there'} in {newest.document.file}; "
                "every version has the same"
            )
            line = draft.line(key if key in draft.document.data else "kind")
            diagnostics.add(draft.document.file, line, message)
    if not Version(draft.version) < Version(newest.version):
        message = (
            f"{draft.version} is not older than {newest.version} in {newest.document.file}; "
            "the newest version stands there, earlier ones under versions/"
        )
        diagnostics.add(draft.document.file, draft.line("version"), message)


def _check_downgrades(
    draft: BlueprintDraft, all_versions: Sequence[BlueprintDraft], diagnostics: Diagnostics
) -> None:
    known = {item.version for item in all_versions if item.version != draft.version}
    for index, version in enumerate(draft.document.data.get("downgrade_to", ())):
        message = None
        if version not in known:
            message = f"there is no other version {version} of {draft.kind}; remove it"
        elif Version(draft.version) < Version(version):
            message = f"{version} is newer than {draft.version}; going there needs no permission"
        if message:
            line = draft.line("downgrade_to", index)
            diagnostics.add(draft.document.file, line, message)
