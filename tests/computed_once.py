"""What the libraries of a test process would compute anew for each of its thousands of apps.

A process of the product has one app and one engine. A test process makes one for most tests, and
spent more than half of its time on the same addresses and the same SQL again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Dialect, Engine, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from app.api.http.blueprint import ApiBlueprint
from app.api.resources.stacks import collections
from app.catalog.catalog import Catalog

STATEMENTS = 3000


@contextmanager
def computed_once() -> Iterator[None]:
    """Keep the functions that build addresses, and the SQL of statements, for all apps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", _kept_builders(Rule._compile_builder))
        patch.setattr(collections, "build_blueprints", _kept_collections())
        # SQL follows from the statement and the dialect, and all engines of a kind are made alike.
        patch.setattr("app.db.create_engine", _with_kept_sql(create_engine))
        for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            patch.setattr(dialect, "__eq__", _is_same_dialect)
            patch.setattr(dialect, "__hash__", _hash_of_dialect)
        yield


def _kept_builders(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """A builder follows from the parts of the address; it gets its rule when it is called."""
    made: dict[tuple[Any, ...], Any] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in made:
            made[key] = compile_builder(rule, append_unknown)
        return made[key]

    return compile_once


def _kept_collections() -> Callable[[Catalog], list[ApiBlueprint]]:
    """A group of paths may be registered with any number of apps, as those written by hand are."""
    build = collections.build_blueprints
    made: dict[int, tuple[Catalog, list[ApiBlueprint]]] = {}

    def build_once(catalog: Catalog) -> list[ApiBlueprint]:
        if id(catalog) not in made:
            made[id(catalog)] = catalog, build(catalog)
        return made[id(catalog)][1]

    return build_once


def _with_kept_sql(create_engine: Callable[..., Engine]) -> Callable[..., Engine]:
    kept: LRUCache[Any, Any] = LRUCache(STATEMENTS)

    def create(url: str, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        engine._compiled_cache = kept
        return engine

    return create


def _is_same_dialect(one: Dialect, other: object) -> bool:
    return type(one) is type(other)


def _hash_of_dialect(dialect: Dialect) -> int:
    return hash(type(dialect))
