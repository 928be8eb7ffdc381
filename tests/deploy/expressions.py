"""What an expression of PromQL asks for: names of metrics, and what it wants of their labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.deploy.conftest import Exported

SELECTOR = re.compile(r"\b(landform_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that Prometheus adds, or that say the bound of a bucket."""


@dataclass(frozen=True)
class Matcher:
    """One condition on a label."""

    metric: str
    label: str
    operator: str
    value: str

    def accepts(self, labels: dict[str, str]) -> bool:
        """Tell whether a series with those labels fulfils it."""
        given = labels.get(self.label, "")
        is_equal = given == self.value
        if "~" in self.operator:
            is_equal = re.fullmatch(self.value, given) is not None
        return is_equal is not self.operator.startswith("!")


def metrics_of(expression: str) -> set[str]:
    """Return the names of Landform's metrics in an expression."""
    return {match[1] for match in SELECTOR.finditer(expression)}


def matchers_of(expression: str) -> Iterator[Matcher]:
    """Yield the conditions on Landform's own labels."""
    for metric, conditions in SELECTOR.findall(expression):
        for label, operator, value in MATCHER.findall(conditions):
            if label not in OF_PROMETHEUS:
                yield Matcher(metric, label, operator, value)


def find_faults(expression: str, exported: Exported) -> Iterator[str]:
    """Yield what an expression asks for that Landform does not export."""
    yield from sorted(metrics_of(expression) - exported.names)
    for matcher in matchers_of(expression):
        known = exported.labels.get(matcher.metric)
        if known and not any(matcher.accepts(labels) for labels in known):
            yield f"{matcher.metric}: no series with {matcher.label} {matcher.value}"
