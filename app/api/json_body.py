"""Read a JSON body strictly: what two readers may understand differently, or SQL cannot keep.

Refuses fields given twice, NaN and infinity, NUL and broken Unicode, and deep nesting, each with a
pointer. What the values mean is the business of the schemas.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

from werkzeug.exceptions import BadRequest

from app.domain.names import is_storable
from app.errors import FieldProblem, ValidationError

MAX_DEPTH = 20
MAX_PROBLEMS = 20
BAD_TEXT = "Must be valid Unicode without NUL characters."


def read_json(data: bytes) -> Any:
    """Return the value that ``data`` holds.

    Raises:
        BadRequest: it is not JSON (RFC 8259), not UTF-8, or too deep to be read at all.
        ValidationError: it holds something that no field may hold; each with its pointer.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not UTF-8.") from error
    except RecursionError as error:
        raise BadRequest("The body is nested too deep.") from error
    except ValueError as error:  # JSONDecodeError, and numbers of thousands of digits
        raise BadRequest(f"The body is not valid JSON: {error}.") from error
    problems = tuple(islice(_faults(value, "", 1), MAX_PROBLEMS))
    if problems:
        first = problems[0]
        raise ValidationError(f"{first.pointer or 'The body'}: {first.message}", problems=problems)
    return value


class _Repeating(dict[str, Any]):
    """An object of which some fields were given more than once."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    marked = _Repeating(found)
    marked.repeated = tuple(name for name in found if names.count(name) > 1)
    return marked


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _faults(value: Any, pointer: str, depth: int) -> Iterator[FieldProblem]:
    if isinstance(value, str):
        if not is_storable(value):
            yield FieldProblem(pointer, BAD_TEXT)
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield FieldProblem(pointer, "Must be a finite number.")
    elif isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            yield FieldProblem(pointer, f"Is nested deeper than {MAX_DEPTH} levels.")
        elif isinstance(value, dict):
            yield from _object_faults(value, pointer, depth)
        else:
            for index, item in enumerate(value):
                yield from _faults(item, f"{pointer}/{index}", depth + 1)


def _object_faults(value: dict[str, Any], pointer: str, depth: int) -> Iterator[FieldProblem]:
    repeated = value.repeated if isinstance(value, _Repeating) else ()
    for name, item in value.items():
        if not is_storable(name):
            yield FieldProblem(pointer, f"Has a field whose name is not acceptable. {BAD_TEXT}")
            continue
        inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name in repeated:
            yield FieldProblem(inner, "Is given more than once.")
        yield from _faults(item, inner, depth + 1)
