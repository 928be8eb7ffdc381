"""Which chosen versions a cloud supports no more, or not for long.

Owns the sentences about it. It must not know any kind: a parameter with ``x-vocabulary`` names the
word, ``terraform/clouds/<cloud>.yaml`` the day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from app.catalog.blueprint import KindBlueprint
from app.catalog.cloud import Choice, Cloud

WARN_AHEAD = timedelta(days=90)
"""How long before the end of support people are told."""


def find_support_warnings(
    blueprint: KindBlueprint, cloud: Cloud, parameters: Mapping[str, Any], today: date
) -> list[str]:
    """Return a sentence for each chosen version whose support has ended or ends soon.

    Args:
        blueprint: of the stack.
        cloud: where the stack lives.
        parameters: of the stack.
        today: in UTC.
    """
    warnings = []
    for name, schema in blueprint.schema.properties.items():
        for choice, among in _choices(schema, cloud, parameters.get(name)):
            if (sentence := _warning(choice, among, cloud, today)) is not None:
                warnings.append(sentence)
    return warnings


def _choices(
    schema: Mapping[str, Any], cloud: Cloud, value: object
) -> Iterator[tuple[Choice, Mapping[str, Choice]]]:
    if isinstance(value, dict):
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            yield from _choices(inner, cloud, item)
    elif isinstance(value, list):
        for item in value:
            yield from _choices(schema.get("items", {}), cloud, item)
    elif isinstance(value, str) and "x-vocabulary" in schema:
        among = cloud.vocabulary.get(schema["x-vocabulary"], {})
        if value in among:
            yield among[value], among


def _warning(choice: Choice, among: Mapping[str, Choice], cloud: Cloud, today: date) -> str | None:
    until = choice.supported_until
    if until is None or until - today > WARN_AHEAD:
        return None
    verb = "ends" if until >= today else "ended"
    lasting = [
        other.title
        for other in among.values()
        if other.supported_until is not None and other.supported_until - today > WARN_AHEAD
    ]
    advice = f" Supported for longer: {', '.join(lasting)}." if lasting else ""
    return f"Support of {choice.title} on {cloud.title} {verb} on {until.isoformat()}.{advice}"
