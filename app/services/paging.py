"""Cut long lists into pages that stay the same while rows are added (keyset paging)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.errors import ValidationError

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_NUMBER = 2**63 - 1
T = TypeVar("T")


@dataclass(frozen=True)
class PageRequest:
    """How much of a list is wanted: at most ``limit`` rows after ``cursor``."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next ones if there are more."""

    items: Sequence[T]
    next_cursor: str | None


def fetch_page(
    session: Session,
    query: Select[tuple[T]],
    key: InstrumentedAttribute[Any],
    page: PageRequest,
    *,
    newest_first: bool = False,
) -> Page[T]:
    """Run ``query`` ordered by the unique column ``key`` and return one page.

    Raises:
        ValidationError: the cursor was not made by this list.
    """
    if page.cursor is not None:
        last = _open_cursor(page.cursor, key.key, key.type.python_type)
        query = query.where(key < last if newest_first else key > last)
    query = query.order_by(key.desc() if newest_first else key).limit(page.limit + 1)
    rows = list(session.scalars(query).unique())
    more = len(rows) > page.limit
    items = rows[: page.limit]
    cursor = _make_cursor(key.key, getattr(items[-1], key.key)) if more else None
    return Page(items, cursor)


def fetch_sorted_page(
    session: Session,
    query: Select[tuple[T]],
    keys: tuple[InstrumentedAttribute[str], InstrumentedAttribute[str]],
    page: PageRequest,
    *,
    descending: bool = False,
) -> Page[T]:
    """Run ``query`` ordered by a text column, and by a unique one among equals.

    Raises:
        ValidationError: the cursor was not made by this list.
    """
    column, key = keys
    name = f"{column.key},{key.key}"
    if page.cursor is not None:
        value, last = _open_pair(page.cursor, name)
        pair, found = tuple_(column, key), tuple_(literal(value), literal(last))
        query = query.where(pair < found if descending else pair > found)
    order = (column.desc(), key.desc()) if descending else (column, key)
    rows = list(session.scalars(query.order_by(*order).limit(page.limit + 1)).unique())
    items = rows[: page.limit]
    if len(rows) <= page.limit:
        return Page(items, None)
    return Page(items, _make_cursor(name, [getattr(items[-1], item.key) for item in keys]))


def cut_page(rows: Sequence[T], name: str, page: PageRequest) -> Page[T]:
    """Return one page of ``rows``, which are sorted by their unique text attribute ``name``.

    Raises:
        ValidationError: the cursor was not made by this list.
    """
    last = "" if page.cursor is None else _open_cursor(page.cursor, name, str)
    later = [row for row in rows if getattr(row, name) > last]
    items = later[: page.limit]
    more = len(later) > page.limit
    return Page(items, _make_cursor(name, getattr(items[-1], name)) if more else None)


def cut_numbered(
    rows: Sequence[T], page: PageRequest, fits: Callable[[T], bool] = lambda row: True
) -> Page[T]:
    """Return one page of ``rows``, which never change; it ends before a row that does not fit.

    Args:
        rows: all of them, in their order.
        page: how much is wanted.
        fits: asked of each row in turn; the first one is taken whatever the answer is.

    Raises:
        ValidationError: the cursor was not made by this list.
    """
    start = 0 if page.cursor is None else _open_cursor(page.cursor, "number", int)
    items: list[T] = []
    for row in rows[start : start + page.limit]:
        if not fits(row) and items:
            break
        items.append(row)
    end = start + len(items)
    return Page(items, _make_cursor("number", end) if end < len(rows) else None)


def _make_cursor(name: str, value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, value]).encode()).decode().rstrip("=")


def _open_cursor(text: str, name: str, kind: type[Any]) -> Any:
    try:
        padded = text + "=" * (-len(text) % 4)
        found_name, value = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise _bad_cursor() from error
    if found_name != name or type(value) is not kind:
        raise _bad_cursor()
    if isinstance(value, int) and not 0 <= value <= MAX_NUMBER:
        raise _bad_cursor()
    if isinstance(value, str) and not value.isprintable():
        raise _bad_cursor()
    return value


def _open_pair(text: str, name: str) -> tuple[str, str]:
    pair = _open_cursor(text, name, list)
    if len(pair) != 2 or not all(isinstance(item, str) and item.isprintable() for item in pair):
        raise _bad_cursor()
    return pair[0], pair[1]


def _bad_cursor() -> ValidationError:
    return ValidationError.at("?cursor", "Not a cursor of this list; take next_cursor as it is.")
