"""Ignore rules: which findings are hidden from verdict and messages. Pure rules.

Patterns know one special character: ``*`` stands for any text, also for none. Everything else is
meant literally, brackets too. Matching takes time in proportion to the text, whatever the pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app import exact_json
from app.domain.drift import ChangeKind

DEFAULT_LIFE = timedelta(days=90)
MAX_LIFE = timedelta(days=366)
MAX_PATTERN = 200
MAX_REASON = 500
MAX_VALUE_TEXT = 10_000
"""Longer values match no pattern."""


@dataclass(frozen=True)
class Subject:
    """What a rule looks at: one finding and where it is. ``attributes`` are masked."""

    stack_id: str
    kind: str
    resource_type: str
    change: str
    attributes: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class IgnoreRule:
    """A rule; ``None`` does not limit. It belongs to a project and sees only findings of it."""

    id: str
    expires_at: datetime
    stack_id: str | None = None
    kind: str | None = None
    resource_type: str | None = None
    change: str | None = None
    path: str | None = None
    value: str | None = None

    def hides(self, subject: Subject, now: datetime) -> bool:
        """Tell whether the rule hides a finding now.

        A rule with a path or a value hides an update only, and only if every attribute that
        differs fits: it must not cover up a further change, or a deletion.
        """
        if now >= self.expires_at:
            return False
        wanted = (
            (self.stack_id, subject.stack_id),
            (self.kind, subject.kind),
            (self.resource_type, subject.resource_type),
            (self.change, subject.change),
        )
        if any(said is not None and said != found for said, found in wanted):
            return False
        if self.path is None and self.value is None:
            return True
        is_update = subject.change == ChangeKind.UPDATED and bool(subject.attributes)
        return is_update and all(self._fits(item) for item in subject.attributes)

    def _fits(self, attribute: Mapping[str, Any]) -> bool:
        if self.path is not None and not matches(self.path, str(attribute["path"])):
            return False
        return self.value is None or _value_matches(self.value, attribute)


def matches(pattern: str, text: str) -> bool:
    """Tell whether ``text`` fits ``pattern`` as a whole."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if not text.startswith(first) or len(text) < len(first) + len(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        # The earliest place is always good enough: what follows has the most room then.
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return text.endswith(last)


def _value_matches(pattern: str, attribute: Mapping[str, Any]) -> bool:
    """Compare with the value that is there now: a text as it is, all else as JSON."""
    if attribute.get("sensitive"):
        return False  # what is masked must not be guessed by trying patterns
    after = attribute.get("after")
    text = after if isinstance(after, str) else exact_json.dumps(after, sort_keys=True)
    return len(text) <= MAX_VALUE_TEXT and matches(pattern, text)
