"""The rule for labels of a stack: few, short, with names that any cloud takes as tag keys."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.catalog.parameters import to_pointer
from app.domain.free_text import LABELS, explain_hidden
from app.errors import FieldProblem, ValidationError

MAX_LABELS = 64
MAX_VALUE = 255
NAME_RULE = (
    "1 to 63 letters, digits, dots, slashes, hyphens and underscores, "
    "starting with a letter or digit"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")


def merge_labels(present: Mapping[str, str], patch: Mapping[str, str | None]) -> dict[str, str]:
    """Return the labels after a merge patch (RFC 7396): null removes one, others stay."""
    merged = {**present, **patch}
    return {name: value for name, value in merged.items() if value is not None}


def patch_to(present: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None]:
    """Return the merge patch that turns the labels ``present`` into ``wanted``."""
    return {**dict.fromkeys(present), **wanted}


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that break the rule.

    Raises:
        ValidationError: each with its pointer under ``/labels``.
    """
    problems = []
    if len(labels) > MAX_LABELS:
        problems.append(FieldProblem("/labels", f"At most {MAX_LABELS} labels."))
    for name, value in labels.items():
        pointer = to_pointer((LABELS, name))
        if not _NAME.fullmatch(name):
            problems.append(FieldProblem(pointer, f"The name {name!r} must have {NAME_RULE}."))
        if len(value) > MAX_VALUE:
            problems.append(FieldProblem(pointer, f"Has more than {MAX_VALUE} characters."))
        if message := explain_hidden((LABELS, name), value):
            problems.append(FieldProblem(pointer, message))
    if problems:
        raise ValidationError("Some labels are not acceptable.", problems=tuple(problems))
