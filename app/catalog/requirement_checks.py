"""Checks what a reference requires of the stack that it names: ``x-references: requires``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.catalog.blueprint_draft import BlueprintDraft
from app.catalog.diagnostics import Diagnostics
from app.catalog.document_checks import check_value
from app.catalog.shapes import REQUIREMENT
from app.catalog.yaml_source import PointerPath


def check_requirements(
    draft: BlueprintDraft,
    parameter: str,
    target: BlueprintDraft,
    kinds: Mapping[str, BlueprintDraft],
    diagnostics: Diagnostics,
) -> None:
    """Note each requirement of a reference that could never apply.

    Args:
        draft: the blueprint that refers.
        parameter: its parameter that names a stack.
        target: the kind that the parameter asks for.
        kinds: the newest version of each kind, by name.
        diagnostics: takes what is wrong.
    """
    for index, item in enumerate(draft.references[parameter].get("requires", ())):
        path: PointerPath = ("parameters", "properties", parameter, "x-references")
        path = (*path, "requires", index)
        if not check_value(draft.document, path, item, REQUIREMENT, diagnostics):
            continue
        in_place = {
            target.kind,
            *(other.kind for other in kinds.values() if other.stands_for == target.kind),
        }
        keyword, message = None, ""
        if item["kind"] not in in_place:
            keyword = "kind"
            message = f"the reference takes no {item['kind']}; it takes: {_words(in_place)}"
        else:
            known = kinds[item["kind"]].properties
            unknown = next((name for name in item["parameters"] if name not in known), None)
            if unknown is not None:
                keyword = "parameters"
                message = f"{item['kind']} has no parameter {unknown}; it has: {_words(known)}"
        if keyword is not None:
            diagnostics.add(draft.document.file, draft.line(*path, keyword), message)


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
