"""What differs between two values of a plan, with secrets masked and unknowns named; pure.

Terraform's plan JSON gives, beside ``before`` and ``after``, shadow structures of the same shape in
which ``true`` marks a sensitive or not yet known part. Values under such a mark never leave here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.redaction import SENSITIVE, UNKNOWN

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class AttributeChange:
    """One attribute that differs. ``before`` and ``after`` are already masked."""

    path: Path
    before: Any
    after: Any
    is_sensitive: bool
    forces_replacement: bool

    @property
    def path_text(self) -> str:
        """The path as Terraform writes it, such as ``tags["a b"]`` or ``rule[0].port``."""
        return render_path(self.path)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "path": self.path_text,
            "before": self.before,
            "after": self.after,
            "sensitive": self.is_sensitive,
            "forces_replacement": self.forces_replacement,
        }


@dataclass(frozen=True)
class Shadows:
    """The marks that go with a pair of values: sensitive before, sensitive after, unknown after."""

    before_sensitive: Any = False
    after_sensitive: Any = False
    unknown: Any = False

    def under(self, key: str | int) -> Shadows:
        """Return the marks of one part."""
        return Shadows(
            _part(self.before_sensitive, key),
            _part(self.after_sensitive, key),
            _part(self.unknown, key),
        )

    @property
    def is_sensitive(self) -> bool:
        """Whether the whole value is sensitive, before or after."""
        return self.before_sensitive is True or self.after_sensitive is True


def list_differences(
    before: Any,
    after: Any,
    shadows: Shadows,
    replace_paths: Sequence[Path] = (),
    *,
    by_element: bool = False,
) -> tuple[AttributeChange, ...]:
    """Return each attribute that differs, in the order of its path.

    A missing part counts as null. ``replace_paths`` are the paths that force a replacement. With
    ``by_element``, what is in both lists is left out wherever it stands: one rule more in a set
    is one difference, and not one for each rule that it has moved.
    """
    return tuple(
        AttributeChange(path, old, new, sensitive, _forces(path, replace_paths))
        for path, old, new, sensitive in _walk(before, after, shadows, (), by_element=by_element)
    )


def mask(value: Any, sensitive: Any, unknown: Any = False) -> Any:
    """Return a copy of ``value`` with sensitive parts masked and unknown parts named."""
    if sensitive is True:
        return None if value is None and unknown is not True else SENSITIVE
    if unknown is True:
        return UNKNOWN
    if isinstance(value, dict):
        keys = [*value, *(key for key in _keys(unknown) if key not in value)]
        return {
            key: mask(value.get(key), _part(sensitive, key), _part(unknown, key)) for key in keys
        }
    if isinstance(value, list):
        return [
            mask(item, _part(sensitive, index), _part(unknown, index))
            for index, item in enumerate(value)
        ]
    return value


def is_noise(change: AttributeChange) -> bool:
    """Whether the difference is only null against empty (``""``, ``[]``, ``{}``).

    Providers of the older SDK answer an empty collection where the state says null; Terraform
    itself treats the two as equal for them. ``false`` and ``0`` are values, never noise.
    A sensitive value is never noise, as its contents are masked here.
    """
    return not change.is_sensitive and _is_empty(change.before) and _is_empty(change.after)


def render_path(path: Path) -> str:
    """Write ``path`` as Terraform does."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "a").replace("-", "a").isalnum():
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def _walk(
    before: Any, after: Any, shadows: Shadows, path: Path, *, by_element: bool
) -> Iterator[tuple[Path, Any, Any, bool]]:
    if shadows.is_sensitive:
        if shadows.unknown is True or not _is_equal(before, after):
            yield path, mask(before, True), mask(after, True, shadows.unknown), True
        elif shadows.unknown and _holds_true(shadows.unknown):
            yield path, SENSITIVE, SENSITIVE, True
    elif shadows.unknown is True:
        yield path, mask(before, shadows.before_sensitive), UNKNOWN, False
    elif by_element and _are_other_sets(before, after):
        yield from _walk_elements(before, after, shadows, path)
    elif _can_descend(before, after, path):
        for key in _union(before, after, shadows.unknown):
            yield from _walk(
                _value(before, key),
                _value(after, key),
                shadows.under(key),
                (*path, key),
                by_element=by_element,
            )
    elif not _is_equal(before, after):
        old = mask(before, shadows.before_sensitive)
        new = mask(after, shadows.after_sensitive, shadows.unknown)
        yield path, old, new, SENSITIVE in (old, new)


def _walk_elements(
    before: list[Any], after: list[Any], shadows: Shadows, path: Path
) -> Iterator[tuple[Path, Any, Any, bool]]:
    """Yield the elements that only one of two lists has, each at its place there."""
    left = list(enumerate(before))
    added = []
    for index, element in enumerate(after):
        same = next((item for item in left if _is_equal(item[1], element)), None)
        if same is None:
            added.append((index, element))
        else:
            left.remove(same)
    for index, element in left:
        marks = shadows.under(index).before_sensitive
        yield (*path, index), mask(element, marks), None, _holds_true(marks)
    for index, element in added:
        marks = shadows.under(index).after_sensitive
        yield (*path, index), None, mask(element, marks), _holds_true(marks)


def _are_other_sets(before: Any, after: Any) -> bool:
    """Tell whether two lists have other elements; one against one is a block that changed."""
    if not (isinstance(before, list) and isinstance(after, list)):
        return False
    if len(before) == len(after) <= 1 or _is_equal(before, after):
        return False
    others = [item for item in before if not any(_is_equal(item, one) for one in after)]
    return bool(others) or len(before) != len(after)


def _can_descend(before: Any, after: Any, path: Path) -> bool:
    """Two objects or two lists are compared part by part; a whole resource also against null."""
    if isinstance(before, dict) and isinstance(after, dict):
        return True
    if isinstance(before, list) and isinstance(after, list):
        return True
    return not path and isinstance(before, dict | None) and isinstance(after, dict | None)


def _union(before: Any, after: Any, unknown: Any) -> list[str | int]:
    if isinstance(before, list) and isinstance(after, list):
        return list(range(max(len(before), len(after))))
    return sorted({*_keys(before), *_keys(after), *_keys(unknown)})


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _value(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(str(key))
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def _part(shadow: Any, key: str | int) -> Any:
    if shadow is True:
        return True
    part = _value(shadow, key)
    return False if part is None else part


def _holds_true(shadow: Any) -> bool:
    if isinstance(shadow, dict):
        return any(_holds_true(part) for part in shadow.values())
    if isinstance(shadow, list):
        return any(_holds_true(part) for part in shadow)
    return shadow is True


def _is_equal(one: Any, other: Any) -> bool:
    # In Python 1 == True; in Terraform a number is not a truth value.
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _forces(path: Path, replace_paths: Sequence[Path]) -> bool:
    return any(path[: len(item)] == item or item[: len(path)] == path for item in replace_paths)
