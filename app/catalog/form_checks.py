"""Checks the forms of ``anyOf`` and ``oneOf``: each may only narrow what its parameter allows.

A value has one type in Terraform, one set of defaults and one place for each secret, whichever form
it fits; so all of these stand outside the forms.
"""

from __future__ import annotations

from typing import Any

from app.catalog.diagnostics import Diagnostics
from app.catalog.document_checks import check_value, to_words
from app.catalog.patterns import find_pattern_fault
from app.catalog.shapes import FORM, KEYWORDS_OF
from app.catalog.yaml_source import PointerPath, YamlDocument

_IN_SECTION = 2  # how much of a path leads to the parameters


def check_form(
    document: YamlDocument,
    path: PointerPath,
    form: Any,
    parent: dict[str, Any],
    diagnostics: Diagnostics,
) -> None:
    """Note what is wrong with the form at ``path`` of the schema ``parent``."""
    if not check_value(document, path, form, FORM, diagnostics):
        return
    allowed, types = _types(parent), _types(form)
    if not types <= allowed:
        words = f"allows {_list(types - allowed)}, its parameter does not; add it there"
        _add(document, (*path, "type"), path, words, diagnostics)
    for owner, keywords in KEYWORDS_OF.items():
        families = {"number" if name == "integer" else name for name in types or allowed}
        for keyword in set(keywords) & set(form) if owner not in families else ():
            words = f"is not of type {owner}, so {keyword} has no effect; remove it"
            _add(document, (*path, keyword), path, words, diagnostics)
    fault = find_pattern_fault(form["pattern"]) if "pattern" in form else None
    if fault:
        _add(document, (*path, "pattern"), path, f"has a pattern that {fault}", diagnostics)
    known = parent.get("properties", {})
    for index, name in enumerate(form.get("required", ())):
        if name not in known:
            words = f"needs {name}, which its parameter does not have; describe it there"
            _add(document, (*path, "required", index), path, words, diagnostics)
    for name, child in form.get("properties", {}).items():
        below = (*path, "properties", name)
        if name in known:
            check_form(document, below, child, known[name], diagnostics)
        else:
            words = f"has {name}, which its parameter does not have; describe it there"
            _add(document, below, path, words, diagnostics)


def _types(schema: dict[str, Any]) -> set[str]:
    given = schema.get("type", [])
    return {given} if isinstance(given, str) else set(given)


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _add(
    document: YamlDocument,
    place: PointerPath,
    path: PointerPath,
    words: str,
    diagnostics: Diagnostics,
) -> None:
    diagnostics.add(document.file, document.line(*place), f"{to_words(path[_IN_SECTION:])} {words}")
