"""Read a JSON body strictly: what two readers may understand differently, or SQL cannot keep.

Refuses fields given twice, NaN and infinity, NUL, broken Unicode and characters that cannot be
seen, deep nesting, and more values than any request needs, each with a pointer. What the values
mean is the business of the schemas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from werkzeug.exceptions import BadRequest

from app import exact_json
from app.catalog.parameters import to_pointer
from app.domain.free_text import explain_hidden
from app.domain.names import NOT_STORABLE, is_storable
from app.errors import FieldProblem, ValidationError
from app.exact_json import is_beyond_floats

MAX_DEPTH = 20
MAX_PROBLEMS = 20
MAX_FIELDS = 500
MAX_VALUES = 10_000


def read_json(data: bytes) -> Any:
    """Return the value that ``data`` holds.

    Raises:
        BadRequest: it is not JSON (RFC 8259), not UTF-8, or too deep to be read at all.
        ValidationError: it holds something that no field may hold; each with its pointer.
    """
    try:
        value = exact_json.loads(data.decode(), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not UTF-8.") from error
    except RecursionError as error:
        raise BadRequest("The body is nested too deep.") from error
    except ValueError as error:  # JSONDecodeError, and numbers of thousands of digits
        raise BadRequest(f"The body is not valid JSON: {error}.") from error
    _refuse_many(value)
    problems = tuple(islice(_faults(value, ()), MAX_PROBLEMS))
    if problems:
        first = problems[0]
        raise ValidationError(f"{first.pointer or 'The body'}: {first.message}", problems=problems)
    return value


class _Repeating(dict[str, Any]):
    """An object of which some fields were given more than once."""

    repeated: frozenset[str] = frozenset()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    counts = Counter(name for name, _ in pairs)
    marked = _Repeating(found)
    marked.repeated = frozenset(name for name, count in counts.items() if count > 1)
    return marked


def _refuse_many(value: Any) -> None:
    """Refuse more values than any request needs before anything is done with each."""
    waiting, count = [value], 0
    while waiting:
        item = waiting.pop()
        count += 1
        if isinstance(item, dict) and len(item) > MAX_FIELDS:
            raise ValidationError.at(
                "", f"An object of the body has more than {MAX_FIELDS} fields."
            )
        if isinstance(item, dict | list):
            if count + len(waiting) + len(item) > MAX_VALUES:
                raise ValidationError.at("", f"The body has more than {MAX_VALUES} values.")
            waiting.extend(item.values() if isinstance(item, dict) else item)


def _faults(value: Any, path: tuple[str, ...]) -> Iterator[FieldProblem]:
    if isinstance(value, str):
        message = explain_hidden(path, value) if is_storable(value) else NOT_STORABLE
        if message:
            yield FieldProblem(to_pointer(path), message)
    elif isinstance(value, Decimal):
        if is_beyond_floats(value):
            yield FieldProblem(to_pointer(path), "Must be a finite number.")
    elif isinstance(value, dict | list):
        if len(path) >= MAX_DEPTH:
            message = f"Is nested deeper than {MAX_DEPTH} levels."
            yield FieldProblem(to_pointer(path), message)
        elif isinstance(value, dict):
            yield from _object_faults(value, path)
        else:
            for index, item in enumerate(value):
                yield from _faults(item, (*path, str(index)))


def _object_faults(value: dict[str, Any], path: tuple[str, ...]) -> Iterator[FieldProblem]:
    repeated = value.repeated if isinstance(value, _Repeating) else frozenset()
    for name, item in value.items():
        inner = (*path, name)
        message = explain_hidden((*path, ""), name) if is_storable(name) else NOT_STORABLE
        if message:
            yield FieldProblem(
                to_pointer(path), f"The name of a field is not acceptable. {message}"
            )
            continue
        if name in repeated:
            yield FieldProblem(to_pointer(inner), "Is given more than once.")
        yield from _faults(item, inner)
