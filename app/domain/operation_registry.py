"""The types of operations there are: each file of ``app.domain.operation_types`` is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from app.domain import operation_types
from app.domain.operation_facts import OperationFacts


@cache
def operation_facts() -> Mapping[str, OperationFacts]:
    """Return the facts of all types by their names."""
    package = operation_types.__name__
    names = [found.name for found in iter_modules(operation_types.__path__)]
    found: list[OperationFacts] = [import_module(f"{package}.{name}").FACTS for name in names]
    return {facts.name: facts for facts in found}


def facts_of(operation_type: str) -> OperationFacts:
    """Return the facts of one type.

    Raises:
        KeyError: there is no such type.
    """
    return operation_facts()[operation_type]


def types_where(has_fact: Callable[[OperationFacts], bool]) -> list[str]:
    """Return the names of the types that have a fact, for conditions in SQL."""
    return [name for name, facts in operation_facts().items() if has_fact(facts)]
