"""Policies as people edit them: YAML, as in a pack, with what is wrong told by its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from app.catalog.diagnostics import Diagnostics
from app.catalog.policy_packs import place_of
from app.catalog.yaml_source import YamlDocument, parse_yaml
from app.errors import CatalogError, FieldProblem, ValidationError

FIELD = "/policies"
NAME = Path("policies")
MAX_CHARACTERS = 200_000
DEFAULTS: Mapping[str, Any] = {"owner": "", "severity": "medium", "tests": []}
EMPTY_SCOPE: Mapping[str, Any] = {"kinds": [], "clouds": [], "projects": [], "labels": {}}


class PolicyText:
    """A text of policies: its values, and where each of them stands."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self.items: list[Any] = document.data if isinstance(document.data, list) else []

    @classmethod
    def read(cls, text: str) -> PolicyText:
        """Read a text.

        Raises:
            ValidationError: it is no YAML, or no list; with the line.
        """
        if len(text) > MAX_CHARACTERS:
            raise ValidationError.at(FIELD, f"Has more than {MAX_CHARACTERS:,} characters.")
        if not text.strip():
            return cls(YamlDocument(NAME, [], {}))
        diagnostics = Diagnostics()
        document = parse_yaml(NAME, text, diagnostics)
        try:
            diagnostics.raise_if_any()
        except CatalogError as error:
            lines = str(error.context["diagnostics"][0]).split(":", 2)
            raise ValidationError.at(FIELD, f"Line {lines[1]}: {lines[2].strip()}.") from error
        if document is None or not isinstance(document.data, list):
            raise ValidationError.at(FIELD, "Must be a list: each policy begins with “- name:”.")
        return cls(document)

    def placed(self, problems: Sequence[FieldProblem]) -> tuple[FieldProblem, ...]:
        """Return problems about values of this text as problems about lines of it."""
        return tuple(self._placed(problem) for problem in problems)

    def _placed(self, problem: FieldProblem) -> FieldProblem:
        if not problem.pointer.startswith(FIELD):
            return problem
        path = place_of(problem.pointer.removeprefix(FIELD))
        line = self._document.line(*path)
        where = ".".join(str(part) for part in path[1:])
        return FieldProblem(FIELD, f"Line {line}, {where or 'policy'}: {problem.message}")


def write_text(items: Sequence[Mapping[str, Any]]) -> str:
    """Return policies as a text to edit, without what is as it would be anyway."""
    shown = [_short(item) for item in items]
    if not shown:
        return ""
    parts = [
        yaml.safe_dump([item], sort_keys=False, allow_unicode=True, width=100) for item in shown
    ]
    return "\n".join(parts)


def _short(item: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in item.items() if DEFAULTS.get(name) != value}
    when = {
        name: value
        for name, value in (item.get("when") or {}).items()
        if EMPTY_SCOPE.get(name) != value
    }
    kept.pop("when", None)
    return {"name": kept.pop("name", ""), **({"when": when} if when else {}), **kept}
