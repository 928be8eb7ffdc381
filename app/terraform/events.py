"""A typed view of the lines that Terraform prints with ``-json``.

Owns the reading of one line into an ``Event`` that is safe to store and show. What is not a JSON
event line never becomes one: when it cannot write its state, Terraform prints the raw state, with
every secret in it, to standard output. Types that are not known here are kept, so a newer
Terraform does no harm. Source: the "machine-readable UI" page of Terraform's internals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from app import exact_json
from app.domain.redaction import Redactor
from app.terraform.diagnostic import MAX_DETAIL_BYTES, Diagnostic, clean_text, parse_diagnostic
from app.terraform.json_fields import number_at, object_at, text_at

_CUT_LINE = re.compile(r'\{"@level":("\w{1,10}"),"@message":("(?:[^"\\]|\\.){0,8192}"),')


@dataclass(frozen=True)
class ChangeSummary:
    """Counts as Terraform gives them: a replacement is one ``add`` and one ``remove``."""

    add: int
    change: int
    remove: int
    operation: str


@dataclass(frozen=True)
class Event:
    """One line. ``type`` is ``apply_start``, ``apply_complete``, ``diagnostic``, ``log``, …

    ``action`` is ``create``, ``update``, ``delete``, ``replace``, ``read``, …; ``id_value`` is the
    provider's id of the resource, ``outputs`` holds the values that are not sensitive.
    """

    type: str
    level: str
    message: str
    timestamp: str
    address: str | None = None
    resource_type: str | None = None
    action: str | None = None
    id_key: str | None = None
    id_value: str | None = None
    elapsed_seconds: float | None = None
    diagnostic: Diagnostic | None = None
    summary: ChangeSummary | None = None
    outputs: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the fields that say nothing."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Event:
        """Rebuild what ``to_dict`` made, as far as it tells what became of a resource."""
        told = data.get("diagnostic")
        return cls(
            type=str(data.get("type", "log")),
            level=str(data.get("level", "info")),
            message=str(data.get("message", "")),
            timestamp=str(data.get("timestamp", "")),
            address=text_at(data, "address"),
            resource_type=text_at(data, "resource_type"),
            action=text_at(data, "action"),
            id_key=text_at(data, "id_key"),
            id_value=text_at(data, "id_value"),
            diagnostic=Diagnostic.from_dict(told) if isinstance(told, dict) else None,
        )

    def redacted(self, redactor: Redactor) -> Event:
        """Return a copy without secrets or controls in what a provider or a client put into it.

        Terraform's own words (type, action, level) stay, also when a short secret is like them.
        """
        diagnostic = self.diagnostic and self.diagnostic.redacted(redactor)
        message, _ = clean_text(self.message, redactor, MAX_DETAIL_BYTES)
        return replace(
            self,
            # What Terraform puts here is the summary alone, without the author's own words.
            message=diagnostic.message() if diagnostic else message,
            address=redactor.value(self.address),
            id_value=redactor.value(self.id_value),
            diagnostic=diagnostic,
            outputs=redactor.value(self.outputs),
        )


def parse_event(line: str) -> Event | None:
    """Read one line, or return None when it is torn, no event, or a dump of the state."""
    try:
        data = exact_json.loads(line, parse_constant=lambda constant: None)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or "@message" not in data or "state" in data:
        return None
    hook = object_at(data, "hook") or object_at(data, "change")
    resource = object_at(hook, "resource")
    return Event(
        type=str(data.get("type", "log")),
        level=str(data.get("@level", "info")),
        message=str(data["@message"]),
        timestamp=str(data.get("@timestamp", "")),
        address=text_at(resource, "addr"),
        resource_type=text_at(resource, "resource_type"),
        action=text_at(hook, "action"),
        id_key=text_at(hook, "id_key"),
        id_value=text_at(hook, "id_value"),
        elapsed_seconds=number_at(hook, "elapsed_seconds"),
        diagnostic=parse_diagnostic(object_at(data, "diagnostic")),
        summary=_read_summary(object_at(data, "changes")),
        outputs=_read_outputs(data) if data.get("type") == "outputs" else None,
    )


def parse_cut_line(head: str) -> Event | None:
    """Read the beginning of a line that is too long to be read whole.

    Terraform writes level and message first; the message of a diagnostic is its summary. Nothing
    else of the line is believed, as it may be the state.
    """
    found = _CUT_LINE.match(head)
    if found is None:
        return None
    level, message = (str(exact_json.loads(part)) for part in found.groups())
    severity, _, summary = message.partition(": ")
    known = severity.lower() if severity in ("Error", "Warning") else None
    diagnostic = Diagnostic(known, summary, "", None, None, None, is_cut=True) if known else None
    type_ = "diagnostic" if diagnostic else "log"
    return Event(type_, level, message, timestamp="", diagnostic=diagnostic)


def parse_events(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events among ``lines``, in order."""
    for line in lines:
        event = parse_event(line)
        if event is not None:
            yield event


def _read_summary(data: Mapping[str, Any]) -> ChangeSummary | None:
    if not data:
        return None
    counts = [int(number_at(data, name) or 0) for name in ("add", "change", "remove")]
    return ChangeSummary(counts[0], counts[1], counts[2], str(data.get("operation", "")))


def _read_outputs(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: output.get("value")
        for name, output in object_at(data, "outputs").items()
        if isinstance(output, dict) and output.get("sensitive") is False
    }
