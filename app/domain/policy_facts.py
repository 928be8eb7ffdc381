"""Facts: what the rule of a policy may name, and of which type each is.

A fact has a dotted name (``stack.region``). All that is declared here is checked when a policy is
saved: a name that no phase knows, or a comparison with another type, is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from app.domain.plain_words import in_words
from app.domain.policies import Phase


class FactType(StrEnum):
    """The types that rules know; ``dyn`` is any value, ``null`` too."""

    STRING = "string"
    INT = "int"
    DOUBLE = "double"
    BOOL = "bool"
    STRINGS = "list<string>"
    TEXTS = "map<string, string>"
    COUNTS = "map<string, int>"
    VALUES = "map<string, dyn>"
    DYN = "dyn"


STACK_FACTS: Mapping[str, FactType] = {
    "stack.name": FactType.STRING,
    "stack.kind": FactType.STRING,
    "stack.cloud": FactType.STRING,
    "stack.region": FactType.STRING,
    "stack.project": FactType.STRING,
    "stack.labels": FactType.TEXTS,
    "operation.type": FactType.STRING,
    "operation.requested_by": FactType.STRING,
}
PLAN_FACTS: Mapping[str, FactType] = {
    "plan.add": FactType.INT,
    "plan.change": FactType.INT,
    "plan.destroy": FactType.INT,
    "plan.replace": FactType.INT,
    "plan.adopt": FactType.INT,
    "plan.move": FactType.INT,
    "plan.forget": FactType.INT,
    "plan.by_type": FactType.COUNTS,
    "plan.by_action": FactType.COUNTS,
    "cost.before": FactType.DOUBLE,
    "cost.after": FactType.DOUBLE,
    "cost.added": FactType.DOUBLE,
    "cost.project": FactType.DOUBLE,
    "cost.unpriced": FactType.INT,
}
DRIFT_FACTS: Mapping[str, FactType] = {
    "drift.updated": FactType.INT,
    "drift.deleted": FactType.INT,
    "drift.created": FactType.INT,
    "drift.by_type": FactType.COUNTS,
}
CHANGE_FACTS: Mapping[str, FactType] = {
    "change.address": FactType.STRING,
    "change.type": FactType.STRING,
    "change.name": FactType.STRING,
    "change.action": FactType.STRING,
    "change.before": FactType.VALUES,
    "change.after": FactType.VALUES,
}
"""Of one resource; a rule that names one of these is evaluated for each resource by itself."""

CHANGE = "change."
PARAMETER = "parameters."
PLACEHOLDER = re.compile(r"\{([a-z_][A-Za-z0-9_.]*)\}")
MAX_SHOWN = 200

_TOTALS: Mapping[Phase, Mapping[str, FactType]] = {
    Phase.REQUEST: {},
    Phase.PLAN: {**PLAN_FACTS, **CHANGE_FACTS},
    Phase.DRIFT: {**DRIFT_FACTS, **CHANGE_FACTS},
    Phase.ADOPT: {**PLAN_FACTS, **CHANGE_FACTS},
}
_EXAMPLES: Mapping[FactType, Any] = {
    FactType.STRING: "",
    FactType.INT: 0,
    FactType.DOUBLE: 0.0,
    FactType.BOOL: False,
    FactType.STRINGS: [],
    FactType.TEXTS: {},
    FactType.COUNTS: {},
    FactType.VALUES: {},
    FactType.DYN: None,
}
_PYTHON: Mapping[FactType, type | tuple[type, ...]] = {
    FactType.STRING: str,
    FactType.INT: int,
    FactType.DOUBLE: (int, float),
    FactType.BOOL: bool,
    FactType.STRINGS: list,
    FactType.TEXTS: dict,
    FactType.COUNTS: dict,
    FactType.VALUES: dict,
}


def facts_at(phase: Phase, parameters: Mapping[str, FactType]) -> dict[str, FactType]:
    """Return what a rule may name at ``phase``.

    Args:
        phase: when it is asked.
        parameters: those of the kinds that the policy is about, without the prefix.
    """
    named = {PARAMETER + name: type_ for name, type_ in parameters.items()}
    return {**STACK_FACTS, **named, **_TOTALS[phase]}


def parameter_types(schemas: Iterable[Mapping[str, Any]]) -> dict[str, FactType]:
    """Return the types of the parameters of some kinds.

    A parameter that not every kind has, that may be absent, or that has several types is ``dyn``,
    and null where it is not set. Sensitive ones are left out: policies never see a secret.

    Args:
        schemas: the JSON Schema of each kind's parameters, as its author or as clients see it.
    """
    found: dict[str, list[FactType]] = {}
    hidden: set[str] = set()
    count = 0
    for schema in schemas:
        count += 1
        required = schema.get("required") or ()
        for name, described in (schema.get("properties") or {}).items():
            if described.get("sensitive") or described.get("x-sensitive"):
                hidden.add(name)
            is_there = name in required or described.get("default") is not None
            found.setdefault(name, []).append(_type_of(described) if is_there else FactType.DYN)
    return {
        name: types[0] if len(types) == count and len(set(types)) == 1 else FactType.DYN
        for name, types in found.items()
        if name not in hidden
    }


def _type_of(described: Mapping[str, Any]) -> FactType:
    simple = {
        "string": FactType.STRING,
        "integer": FactType.INT,
        "number": FactType.DOUBLE,
        "boolean": FactType.BOOL,
    }
    name = described.get("type")
    if name == "array" and (described.get("items") or {}).get("type") == "string":
        return FactType.STRINGS
    return simple.get(name, FactType.DYN) if isinstance(name, str) else FactType.DYN


def fitted(type_: FactType, value: Any) -> Any:
    """Return ``value`` as rules take it: a whole number where fractions are allowed is one too."""
    is_number = type_ is FactType.DOUBLE and isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_number else value


def example(types: Mapping[str, FactType]) -> dict[str, Any]:
    """Return the values that a test case does not give: empty texts, zeros, no labels."""
    return {name: _EXAMPLES[type_] for name, type_ in types.items()}


def explain_misfit(type_: FactType, value: object) -> str | None:
    """Return what is wrong with ``value`` for a fact of ``type_``, if anything."""
    wanted = _PYTHON.get(type_)
    is_truth = isinstance(value, bool) and type_ is not FactType.BOOL
    if wanted is None or (isinstance(value, wanted) and not is_truth):
        return None
    return f"Must be a value of type {type_.value}."


def placeholders(message: str) -> list[str]:
    """Return the facts that a message names, in their order."""
    return PLACEHOLDER.findall(message)


def fill_in(message: str, values: Mapping[str, Any]) -> str:
    """Return a message with the values of the facts that it names, each shortened."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        text = "nothing" if value is None else in_words(value) if value == "" else str(value)
        return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"

    return PLACEHOLDER.sub(value_of, message)
